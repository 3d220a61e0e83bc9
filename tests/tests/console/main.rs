//! The console, asked as browsers ask it.

mod attention;
mod orders;
mod routes;
mod runs;
mod sign_in;
mod site;
