//! The console, asked as browsers ask it.

mod attention;
mod channels;
mod orders;
mod routes;
mod runs;
mod settings;
mod sign_in;
mod site;
