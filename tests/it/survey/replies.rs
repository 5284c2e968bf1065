//! What single replies mean: kisses, several replies to one request, and what is no MAC.
