//! What waits for people.

use statusync::access::Role;

use crate::site::Site;

#[tokio::test]
async fn a_conflict_is_shown_with_what_each_answer_does_and_is_gone_once_decided() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Operator).await;
    let page = site.get("/console/t/acme/attention", &cookie).await;
    page.shows(200, &["CF1", "conflicts/CF1/accept", "It stays delivered."]);
    let answer = site.post("/console/t/acme/conflicts/CF1/keep", &cookie, &[]).await;
    let address = answer.leads_to().to_owned();
    let page = site.get(&address, &cookie).await;
    page.shows(200, &["Conflict CF1 is kept", "order O002 stays as it is", "Nothing waits for you"]);
    let again = site.post("/console/t/acme/conflicts/CF1/keep", &cookie, &[]).await;
    again.shows(422, &["closed already, as kept"]);
    site.post("/console/t/acme/conflicts/CF9/keep", &cookie, &[]).await.shows(404, &["no conflict CF9"]);
    let found = [("quality", "GOOD_INVENTORY")];
    let missing = site.post("/console/t/acme/putaways/PA9/complete", &cookie, &found).await;
    missing.shows(404, &["no putaway PA9"]);
}
