//! Which ids to ask for, and how many in a call.
//!
//! An order's ids stay in one call, so that what is known of an order comes in one answer.

use std::collections::HashSet;

use plugin_api::OrderRef;

use crate::requests::{IDS_PER_CALL, IdKind, is_id};

/// One call's worth of ids, and the orders they belong to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch<'a> {
    pub(crate) kind: IdKind,
    pub(crate) ids: Vec<String>,
    pub(crate) orders: Vec<&'a OrderRef>,
}

/// The fewest calls for these orders: by shipment where the host holds shipment ids, else by item, else by order.
pub(crate) fn batches(refs: &[OrderRef]) -> Vec<Batch<'_>> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    for order in refs {
        let Some((kind, ids)) = best_ids(order) else {
            tracing::warn!("an order was not asked for: none of its ids has the form of a Flipkart id");
            continue;
        };
        // Only an order with more ids than a call takes is spread.
        for ids in ids.chunks(IDS_PER_CALL) {
            let open = batches.iter_mut().rev().find(|batch| batch.kind == kind);
            match open.filter(|batch| batch.ids.len() + ids.len() <= IDS_PER_CALL) {
                Some(batch) => {
                    batch.ids.extend_from_slice(ids);
                    batch.orders.push(order);
                }
                None => batches.push(Batch { kind, ids: ids.to_vec(), orders: vec![order] }),
            }
        }
    }
    for batch in &mut batches {
        let mut listed = HashSet::new();
        batch.ids.retain(|id| listed.insert(id.clone()));
    }
    batches
}

/// Items in calls of the largest size.
pub(crate) fn items(ids: &[String]) -> impl Iterator<Item = Vec<String>> {
    let mut listed = HashSet::new();
    let ids: Vec<_> = ids.iter().filter(|id| is_id(id) && listed.insert(id.as_str())).cloned().collect();
    ids.chunks(IDS_PER_CALL).map(<[String]>::to_vec).collect::<Vec<_>>().into_iter()
}

fn best_ids(order: &OrderRef) -> Option<(IdKind, Vec<String>)> {
    let order_id = std::slice::from_ref(&order.order);
    [(IdKind::Shipment, &*order.packages), (IdKind::Item, &*order.items), (IdKind::Order, order_id)]
        .into_iter()
        .map(|(kind, ids)| (kind, ids.iter().filter(|id| is_id(id)).cloned().collect::<Vec<_>>()))
        .find(|(_, ids)| !ids.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(order: &str, items: &[&str], packages: &[&str]) -> OrderRef {
        let own = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
        OrderRef { order: order.into(), items: own(items), packages: own(packages), awbs: Vec::new() }
    }

    fn sizes(refs: &[OrderRef]) -> Vec<(IdKind, usize)> {
        batches(refs).iter().map(|batch| (batch.kind, batch.ids.len())).collect()
    }

    #[test]
    fn shipments_go_before_items_and_items_before_orders() {
        let refs = [
            order("OD1", &["11"], &["p1"]),
            order("OD2", &["21"], &[]),
            order("OD3", &[], &[]),
            order("OD4", &["41"], &["p4"]),
        ];
        let all = batches(&refs);
        let ids: Vec<_> = all.iter().map(|batch| (batch.kind, batch.ids.join(","))).collect();
        assert_eq!(
            ids,
            [
                (IdKind::Shipment, "p1,p4".to_owned()),
                (IdKind::Item, "21".to_owned()),
                (IdKind::Order, "OD3".to_owned())
            ]
        );
    }

    #[test]
    fn a_call_takes_a_hundred_ids() {
        let refs: Vec<_> = (0..250).map(|n| order(&format!("OD{n}"), &[], &[])).collect();
        assert_eq!(sizes(&refs), [(IdKind::Order, 100), (IdKind::Order, 100), (IdKind::Order, 50)]);
    }

    #[test]
    fn the_ids_of_an_order_stay_in_one_call() {
        let three =
            |n: usize| order(&format!("OD{n}"), &[&format!("{n}1"), &format!("{n}2"), &format!("{n}3")], &[]);
        let refs: Vec<_> = (0..34).map(three).collect();
        assert_eq!(sizes(&refs), [(IdKind::Item, 99), (IdKind::Item, 3)]);
    }

    #[test]
    fn an_order_larger_than_a_call_is_spread() {
        let ids: Vec<_> = (0..130).map(|n| format!("i{n}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        assert_eq!(sizes(&[order("OD1", &ids, &[])]), [(IdKind::Item, 100), (IdKind::Item, 30)]);
    }

    #[test]
    fn an_id_that_would_spoil_the_list_is_left_out() {
        let refs = [order("OD1", &["11"], &["a,b"]), order("OD 2", &["x/../y"], &[])];
        assert_eq!(sizes(&refs), [(IdKind::Item, 1)]);
    }

    #[test]
    fn an_id_is_asked_for_once_per_call() {
        assert_eq!(sizes(&[order("OD1", &[], &["p1"]), order("OD1", &[], &["p1"])]), [(IdKind::Shipment, 1)]);
        let ids = ["1".to_owned(), "1".to_owned(), "bad id".to_owned(), "2".to_owned()];
        assert_eq!(items(&ids).collect::<Vec<_>>(), [["1", "2"]]);
    }
}
