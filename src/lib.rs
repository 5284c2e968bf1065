//! ntpcap
