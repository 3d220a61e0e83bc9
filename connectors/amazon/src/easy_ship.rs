//! Fills gaps from the Easy Ship interface, where the seller's app may ask it. Whatever goes wrong here costs the orders
//! nothing: they are reported with what is known, and the interface is left alone for the rest of the run.

use plugin_api::{Cx, ErrorKind, Reply};

use crate::{config::Config, errors, order::Order, requests, wire::ScheduledPackage};

/// Codes that say "no such package" or "not in this state"; Amazon sends them with various HTTP statuses (Easy Ship
/// reference, read 2026-09).
const NO_PACKAGE: &[&str] = &["ResourceNotFound", "InvalidInput", "RegionNotSupported", "InvalidOrderState"];

/// The Easy Ship interface during one run.
#[derive(Debug)]
pub(crate) struct EasyShip {
    is_on: bool,
}

impl EasyShip {
    /// On if the settings say so.
    pub(crate) fn new(config: &Config) -> Self {
        EasyShip { is_on: config.easy_ship }
    }

    /// Adds what the interface knows of an order, if something is missing. `has_awb`: its waybill is known already.
    pub(crate) async fn fill(&mut self, cx: &Cx, config: &Config, order: &mut Order, has_awb: bool) {
        if !self.is_on || !order.lacks_detail(has_awb) || !requests::is_id(&order.id) {
            return;
        }
        match cx.send(requests::get_scheduled_package(config, &order.id)).await {
            Ok(reply) => self.read(&reply, order),
            Err(error) if error.kind == ErrorKind::Auth => self.deny(),
            Err(error) => self.leave(&error),
        }
    }

    fn read(&mut self, reply: &Reply, order: &mut Order) {
        if reply.is_success() {
            match reply.json::<ScheduledPackage>() {
                Ok(package) if is_of(&package, order) => order.add_scheduled(package),
                Ok(_) => tracing::warn!(order = order.id, "Easy Ship answered for another order; not used"),
                Err(error) => tracing::warn!(order = order.id, %error, "the Easy Ship package is not used"),
            }
            return;
        }
        let code = errors::code(reply);
        if code.as_deref().is_some_and(|code| NO_PACKAGE.contains(&code)) || reply.status == 404 {
            tracing::debug!(order = order.id, "no Easy Ship package yet");
        } else if matches!(reply.status, 401 | 403) {
            self.deny();
        } else {
            self.leave(&errors::failed(reply, requests::GET_SCHEDULED_PACKAGE));
        }
    }

    fn deny(&mut self) {
        self.is_on = false;
        tracing::warn!(
            "Amazon denies the Easy Ship interface: the app lacks the role Direct-to-Consumer Shipping (Restricted). \
             Going on without it; set `easy_ship = false` or have the role granted"
        );
    }

    fn leave(&mut self, error: &plugin_api::Error) {
        self.is_on = false;
        tracing::warn!(%error, "going on without Easy Ship for the rest of this run");
    }
}

fn is_of(package: &ScheduledPackage, order: &Order) -> bool {
    let id = package.scheduled_package_id.as_ref().and_then(|id| id.amazon_order_id.as_deref());
    id.is_none_or(|id| id == order.id)
}
