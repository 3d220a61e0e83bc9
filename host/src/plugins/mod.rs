//! Finds, checks, loads and runs connector libraries.
//!
//! A file goes through four doors: [`preflight()`] reads it without mapping it, the store keeps a copy that nobody
//! overwrites, the loader compares its records with the host's, and [`Connector`] holds what it says about itself.
//! [`Registry`] decides which file serves which id, [`drive`] runs a job of a connector, [`check()`] reports on a file.
//!
//! What this module does not do: send anything (that is behind [`drive::Outside`]), decide anything about orders, or
//! defend the host against a connector that means harm. A library runs in this process; what is caught is what goes
//! wrong by mistake: panics, stalls, endless loops, nonsense, and files that are not what they seem.
//!
//! Nothing here refers to the rest of the host.

mod check;
mod connector;
mod descriptor;
pub mod drive;
mod error;
mod load;
mod preflight;
mod registry;
mod steps;
mod store;

pub use check::{CheckLine, CheckReport, check};
pub use connector::{Connector, Running};
pub use error::LoadError;
pub use preflight::{Preflight, preflight};
pub use registry::{Refusal, Registry, file_name};
