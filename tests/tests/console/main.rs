//! The console, asked as browsers ask it.

mod orders;
mod routes;
mod sign_in;
mod site;
