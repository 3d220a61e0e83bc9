//! The console in a real browser, used as people use it.

mod kit_of_its_own;
mod sample;
