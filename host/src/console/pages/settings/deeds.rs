//! What was done, in plain words, out of the calls that the log keeps.

use percent_encoding::percent_decode_str;

/// What a call does. A part in braces is the part of the address that has this name.
const DEEDS: &[(&str, &str)] = &[
    // The console.
    ("POST /console/t/{tenant}/orders/sync", "began a sync of orders"),
    ("POST /console/t/{tenant}/orders/filters", "saved a filter of orders"),
    ("POST /console/t/{tenant}/orders/filters/forget", "removed a saved filter of orders"),
    (
        "POST /console/t/{tenant}/conflicts/{conflict}/accept",
        "accepted what the channel says in conflict {conflict}",
    ),
    ("POST /console/t/{tenant}/conflicts/{conflict}/keep", "kept our state in conflict {conflict}"),
    ("POST /console/t/{tenant}/putaways/{putaway}/complete", "completed putaway {putaway}"),
    ("POST /console/t/{tenant}/tasks/{channel}/{task}", "changed the task {task} of channel {channel}"),
    (
        "POST /console/t/{tenant}/tasks/{channel}/{task}/run-now",
        "let the task {task} of channel {channel} run now",
    ),
    ("POST /console/t/{tenant}/tasks/{channel}/{task}/pause", "paused the task {task} of channel {channel}"),
    (
        "POST /console/t/{tenant}/tasks/{channel}/{task}/resume",
        "resumed the task {task} of channel {channel}",
    ),
    ("POST /console/t/{tenant}/add-channel/{connector}", "added a channel with connector {connector}"),
    ("POST /console/t/{tenant}/channels/{channel}", "changed channel {channel}"),
    ("POST /console/t/{tenant}/channels/{channel}/test", "tested the connection of channel {channel}"),
    ("POST /console/t/{tenant}/channels/{channel}/switch", "switched channel {channel} on or off"),
    ("POST /console/t/{tenant}/settings/live", "let the tenant go live, or took that back"),
    ("POST /console/t/{tenant}/settings/zone", "changed the time zone"),
    ("POST /console/t/{tenant}/settings/facilities", "added or changed a facility"),
    ("POST /console/t/{tenant}/settings/sequences", "added or changed a number series"),
    ("POST /console/t/{tenant}/settings/stock", "set stock on hand"),
    ("POST /console/t/{tenant}/settings/keys", "made an API key"),
    ("POST /console/t/{tenant}/settings/keys/{key}/revoke", "revoked API key {key}"),
    ("POST /console/t/{tenant}/settings/people", "added a person, or gave one a role"),
    ("POST /console/t/{tenant}/settings/people/{login}/role", "changed the role of {login}"),
    ("POST /console/t/{tenant}/settings/people/{login}/link", "made a new link to enter for {login}"),
    ("POST /console/t/{tenant}/settings/webhooks", "made a webhook"),
    ("POST /console/t/{tenant}/settings/webhooks/{webhook}", "changed webhook {webhook}"),
    ("POST /console/t/{tenant}/settings/webhooks/{webhook}/test", "sent a test to webhook {webhook}"),
    ("POST /console/t/{tenant}/settings/webhooks/{webhook}/switch", "switched webhook {webhook} on or off"),
    (
        "POST /console/t/{tenant}/settings/webhooks/{webhook}/rotate",
        "replaced the secret of webhook {webhook}",
    ),
    ("POST /console/t/{tenant}/settings/webhooks/{webhook}/replay", "let webhook {webhook} be told again"),
    ("POST /console/t/{tenant}/settings/webhooks/{webhook}/remove", "removed webhook {webhook}"),
    // The API.
    ("POST /v1/tenants", "added a tenant"),
    ("PATCH /v1/tenants/{tenant}", "let the tenant go live, took that back, or changed its time zone"),
    ("DELETE /v1/tenants/{tenant}", "removed the tenant"),
    ("POST /v1/tenants/{tenant}/api-keys", "made an API key"),
    ("DELETE /v1/tenants/{tenant}/api-keys/{key}", "revoked API key {key}"),
    ("POST /v1/tenants/{tenant}/channels", "added a channel"),
    ("PATCH /v1/tenants/{tenant}/channels/{channel}", "changed channel {channel}"),
    (
        "POST /v1/tenants/{tenant}/channels/{channel}/observations",
        "handed in observations of channel {channel}",
    ),
    ("PUT /v1/tenants/{tenant}/channels/{channel}/secrets", "stored secrets of channel {channel}"),
    (
        "PATCH /v1/tenants/{tenant}/channels/{channel}/tasks/{task}",
        "changed the task {task} of channel {channel}",
    ),
    (
        "POST /v1/tenants/{tenant}/channels/{channel}/tasks/{task}/run-now",
        "let the task {task} of channel {channel} run now",
    ),
    ("POST /v1/tenants/{tenant}/channels/{channel}/test", "tested the connection of channel {channel}"),
    (
        "POST /v1/tenants/{tenant}/conflicts/{conflict}/accept",
        "accepted what the channel says in conflict {conflict}",
    ),
    ("POST /v1/tenants/{tenant}/conflicts/{conflict}/keep", "kept our state in conflict {conflict}"),
    ("PUT /v1/tenants/{tenant}/facilities/{facility}", "added or changed facility {facility}"),
    ("POST /v1/tenants/{tenant}/orders", "handed over orders"),
    ("PUT /v1/tenants/{tenant}/orders/{order}", "handed over order {order}"),
    ("POST /v1/tenants/{tenant}/putaways/{putaway}/complete", "completed putaway {putaway}"),
    ("POST /v1/tenants/{tenant}/runs", "began a sync"),
    (
        "PUT /v1/tenants/{tenant}/sequences/{owner}/{kind}",
        "added or changed the number series {kind} of {owner}",
    ),
    ("PUT /v1/tenants/{tenant}/snapshot", "replaced the tenant's whole state by a snapshot"),
    ("PUT /v1/tenants/{tenant}/stock/{facility}/{sku}", "set stock on hand of {sku} in {facility}"),
    ("POST /v1/tenants/{tenant}/webhooks", "made a webhook"),
    ("PATCH /v1/tenants/{tenant}/webhooks/{webhook}", "changed webhook {webhook}"),
    ("DELETE /v1/tenants/{tenant}/webhooks/{webhook}", "removed webhook {webhook}"),
    ("POST /v1/tenants/{tenant}/webhooks/{webhook}/replay", "let webhook {webhook} be told again"),
    ("POST /v1/tenants/{tenant}/webhooks/{webhook}/rotate", "replaced the secret of webhook {webhook}"),
    ("POST /v1/tenants/{tenant}/webhooks/{webhook}/test", "sent a test to webhook {webhook}"),
];

/// What was done, as a sentence without its subject; what is not known here as it was noted.
pub(super) fn words(action: &str, path: &str) -> String {
    let Some((route, said)) = DEEDS.iter().find(|(known, _)| *known == action) else {
        return action.to_owned();
    };
    let route = route.split_once(' ').map_or(*route, |(_, route)| route);
    let mut said = (*said).to_owned();
    for (name, part) in route.split('/').zip(path.split('/')) {
        if name.starts_with('{') {
            said = said.replace(name, &plain(part));
        }
    }
    said
}

/// A part of an address as it was before it was written into one.
fn plain(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_with_what_it_was_done_to() {
        let route = "PUT /v1/tenants/{tenant}/stock/{facility}/{sku}";
        let path = "/v1/tenants/acme/stock/DEL1/Shirt%20L%2F%E2%82%B9";
        assert_eq!(words(route, path), "set stock on hand of Shirt L/₹ in DEL1");
        let live = "POST /console/t/{tenant}/settings/live";
        assert_eq!(words(live, "/console/t/acme/settings/live"), "let the tenant go live, or took that back");
        assert_eq!(words("webhook disabled: it is gone", "/v1/x"), "webhook disabled: it is gone");
        assert_eq!([plain("100%"), plain("%zz%41"), plain("%é")], ["100%", "%zzA", "%é"]);
    }

    #[test]
    fn every_call_of_the_api_that_changes_something_of_a_tenant_has_words() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../../../../../docs/generated/openapi.json")).unwrap();
        let mut missing = Vec::new();
        for (path, calls) in document["paths"].as_object().unwrap() {
            for method in calls.as_object().unwrap().keys().filter(|method| *method != "get") {
                let action = format!("{} {path}", method.to_uppercase());
                let is_known =
                    ["POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|start| action.starts_with(start));
                if is_known && !DEEDS.iter().any(|(known, _)| *known == action) {
                    missing.push(action);
                }
            }
        }
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn words_name_only_parts_of_the_address() {
        for (route, said) in DEEDS {
            let named = said.split('{').skip(1).map(|rest| rest.split('}').next().unwrap_or_default());
            for name in named {
                assert!(route.contains(&format!("{{{name}}}")), "{name} of {said}");
            }
        }
    }
}
