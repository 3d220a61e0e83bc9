//! The daemon through its public command line while things go wrong around it: hosts stand still, are killed, and are told
//! to stop; connectors are replaced and broken; marketplaces refuse, or have very many orders.

mod ahead;
mod frozen;
mod limits;
mod memory;
mod place;
mod restarts;
mod stall;
mod stopping;
mod upgrades;

/// One at a time: each of these tests has a clock in it, and wants the machine to itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
