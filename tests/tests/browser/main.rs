//! The console in a real browser, used as people use it.

mod attention;
mod channels;
mod everywhere;
mod kit_of_its_own;
mod orders;
mod sample;
mod tasks;
