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
