//! Wooplr's traps, and its truth.

use kit::simulators::wooplr::Wooplr;
use serde_json::{Value, json};

use crate::{Desk, Reply, send};

const SEARCH: &str = "/shop/rest/v2/ecommorder/search";

async fn search(desk: &Desk, store: u64, page: u32) -> Reply {
    let body = json!({"storeId": store, "status": [], "pageNumber": page, "count": 50});
    send(desk.post(SEARCH, &body).header("authorization", "not-a-real-wooplr-value")).await
}

async fn detail(desk: &Desk, id: &str) -> Reply {
    let request = desk.get(&format!("/shop/rest/v2/ecommorder/id/{id}"));
    send(request.header("authorization", "not-a-real-wooplr-value")).await
}

/// The whole list.
async fn all(desk: &Desk) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let reply = search(desk, 77, page).await;
        if reply.status == 204 {
            break;
        }
        rows.extend(reply.json()["orders"].as_array().unwrap().iter().cloned());
    }
    rows
}

#[tokio::test]
async fn wooplr_refuses_in_three_ways() {
    let desk = Desk::open(Wooplr, 3, 10).await;
    assert_eq!(
        send(desk.post(SEARCH, &json!({"storeId": 77, "pageNumber": 1, "count": 5}))).await.status,
        403
    );
    let wrong_store = search(&desk, 78, 1).await;
    assert_eq!((wrong_store.status, &wrong_store.json()["validationCode"]), (200, &json!(1042)));
    let unknown = detail(&desk, "1").await;
    assert_eq!((unknown.status, unknown.text.as_str()), (204, ""));
}

#[tokio::test]
async fn wooplr_s_list_is_sorted_by_change_and_agrees_with_its_orders() {
    let desk = Desk::open(Wooplr, 3, 80).await;
    for _ in 0..20 {
        desk.pass(8);
    }
    let rows = all(&desk).await;
    let truth = desk.sim.truth(false);
    assert_eq!(rows.len(), truth.orders.iter().map(|order| order.items.len()).sum::<usize>());
    let times: Vec<i64> = rows.iter().map(|row| row["orderUpdateDate"].as_i64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "newest first");
    for row in rows.iter().take(30) {
        assert_eq!(&detail(&desk, row["subOrderId"].as_str().unwrap()).await.json(), row);
    }
}

#[tokio::test]
async fn wooplr_s_words_agree_with_the_truth() {
    let desk = Desk::open(Wooplr, 4, 150).await;
    desk.pass(700);
    let rows = all(&desk).await;
    for order in desk.sim.truth(false).orders {
        for (item, units) in order.items {
            let row = rows.iter().find(|row| row["subOrderId"] == item.as_str()).unwrap();
            let (word, shipment) = (row["orderStatus"].as_str().unwrap(), &row["shipmentCreateStatus"]);
            let state = match (word, shipment.as_str()) {
                ("CANCELLED" | "REJECTED", _) => "CANCELLED",
                (_, Some("DTO")) => "RETURNED",
                _ if row["reverseShipmentStatus"] == "SUCCESS" => "RETURNED",
                ("COMPLETED" | "DELIVERED", _) if order.shipping == "CHANNEL" => "DELIVERED",
                ("COMPLETED" | "DELIVERED" | "SHIPPED" | "IN TRANSIT", _) => "DISPATCHED",
                _ => "OPEN",
            };
            assert!(units.contains_key(state), "{item} is {units:?} and shown as {row}");
        }
    }
}
