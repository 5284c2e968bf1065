//! The faults of the reference server: what each does on the wire, and what an observer says of it.

mod any;
mod decision;
mod header;
mod lab;
mod pairs;
mod text;
mod timeline;
mod told;
mod wire;
