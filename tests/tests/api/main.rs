//! The API, asked as its callers ask it.

mod document;
mod intake;
mod keys;
mod lists;
mod problems;
mod repeated;
mod runs;
mod set_up;
mod site;
mod webhooks;
