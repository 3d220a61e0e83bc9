use super::*;

#[test]
fn a_suborder_without_a_package_is_looked_for_among_the_new_orders_first() {
    let script = Script::new().reply(NEW, 200, packages(1..5, "PRNT"));
    let ran = known(script, vec![held(1, &[1], &[]), held(2, &[2], &[])]);
    assert_eq!(
        (status_of(&ran, 1), about(&ran, 1)[0].package.clone()),
        (Some(Status::Created), Some(package(1)))
    );
    assert_eq!(ran.requests.len(), 1, "one list for all of them");
    assert_eq!(ran.observations.len(), 4, "what the page shows besides is reported too");
    assert!(ran.result.is_ok());
}

#[test]
fn then_among_the_cancelled_and_then_among_the_completed() {
    let shipped = json!({"payload": {"packages": [
        {"packageReferenceCode": package(7), "items": [{"suborderCode": suborder(7), "siStatusCode": "SHP"}]},
        {"packageReferenceCode": package(8), "items": [{"suborderCode": suborder(8), "siStatusCode": "SHP"}]}]}});
    let script = Script::new()
        .reply(NEW, 200, fixture!("empty_packages"))
        .reply(&of(CANCELLED, &suborder(6)), 200, fixture!("cancelled_suborder"))
        .reply(&of(CANCELLED, &suborder(7)), 200, fixture!("empty_items"))
        .reply(COMPLETED, 200, shipped.to_string());
    let ran = known(script, vec![held(1, &[6], &[]), held(7, &[7], &[])]);
    assert_eq!((status_of(&ran, 6), status_of(&ran, 7)), (Some(Status::Cancelled), Some(Status::Dispatched)));
    assert_eq!(about(&ran, 7)[0].order, order(7));
    assert!(about(&ran, 8).is_empty(), "whose order nobody knows");
    assert!(ran.result.is_ok());
}

#[test]
fn the_list_of_completed_orders_is_left_once_everything_is_found() {
    let script = Script::new()
        .reply(NEW, 200, fixture!("empty_packages"))
        .reply(CANCELLED, 404, "")
        .reply(&of(CANCELLED, &suborder(105)), 404, "")
        .reply(COMPLETED, 200, packages(100..120, "FFD"));
    let ran = known(script, vec![held(105, &[105], &[])]);
    assert_eq!(paths(&ran).last().unwrap(), "GET /seller-api/orders/completed");
    assert_eq!(status_of(&ran, 105), Some(Status::Delivered));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
}

#[test]
fn a_search_reads_no_more_pages_than_the_operator_allows() {
    for (allowed, asked) in [(0, 0), (1, 1), (2, 2)] {
        let script = Script::new()
            .reply(NEW, 200, fixture!("empty_packages"))
            .reply(&of(CANCELLED, &suborder(1)), 200, fixture!("empty_items"))
            .reply(COMPLETED, 200, packages(100..120, "FFD"))
            .reply(COMPLETED, 200, packages(120..140, "FFD"));
        let ran = known_with(json!({"search_pages": allowed}), script, vec![held(1, &[1], &[])]);
        assert!(ran.result.is_ok(), "{:?}", ran.result);
        assert_eq!(paths(&ran).iter().filter(|path| path.ends_with("/completed")).count(), asked);
    }
}

#[test]
fn after_a_split_the_suborder_is_found_in_its_new_package() {
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, fixture!("refused"))
        .reply(&of(NEW, &package(1)), 200, packages([1], "PRNT"))
        .reply(&of(CANCELLED, &suborder(2)), 200, fixture!("empty_items"))
        .reply(NEW, 200, packages([1, 2], "PRNT"));
    let ran = known(script, vec![held(1, &[1, 2], &[1])]);
    assert_eq!(about(&ran, 2)[0].package, Some(package(2)));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.requests.len(), 4);
}

#[test]
fn a_split_suborder_is_not_asked_for_among_the_cancelled_twice() {
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, fixture!("completed_package"))
        .reply(&of(CANCELLED, &suborder(2)), 404, "")
        .reply(NEW, 200, fixture!("empty_packages"))
        .reply(COMPLETED, 200, packages([2], "SHP"));
    let ran = known(script, vec![held(1, &[1, 2], &[1])]);
    assert_eq!(status_of(&ran, 2), Some(Status::Dispatched));
    assert_eq!(ran.requests.len(), 4);
}

#[test]
fn an_order_known_by_its_number_alone_is_looked_for_among_the_new() {
    let ran = known(Script::new().reply(NEW, 200, packages([1, 2], "PFF")), vec![held(1, &[], &[])]);
    assert_eq!(status_of(&ran, 1), Some(Status::Created));
    assert!(ran.result.is_ok() && ran.requests.len() == 1);
}
