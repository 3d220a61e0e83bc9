//! Every marketplace that can be simulated, in one place: demo, benchmark and the program `simulators` run them all.

use std::io;

use super::{
    Config, Simulator, amazon::Amazon, flipkart::Flipkart, paytm::Paytm, shopclues::ShopClues,
    snapdeal::Snapdeal, tata_cliq::TataCliq, voonik::Voonik, wooplr::Wooplr,
};

/// Starts all of them. `config` is asked once for each, with its place in the line from 0.
///
/// # Errors
/// When a port cannot be had.
pub async fn start(amazon: Amazon, config: impl Fn(u16) -> Config) -> io::Result<Vec<Simulator>> {
    Ok(vec![
        Simulator::start(Flipkart, config(0)).await?,
        Simulator::start(amazon, config(1)).await?,
        Simulator::start(TataCliq::default(), config(2)).await?,
        Simulator::start(Voonik, config(3)).await?,
        Simulator::start(Paytm::default(), config(4)).await?,
        Simulator::start(ShopClues, config(5)).await?,
        Simulator::start(Snapdeal { accepts_returns: true }, config(6)).await?,
        Simulator::start(Wooplr, config(7)).await?,
    ])
}
