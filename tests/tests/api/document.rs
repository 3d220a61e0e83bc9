//! What the document says of every operation is so.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use statusync::access::Scope;

use crate::site::Site;

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    scope: Scope,
    has_body: bool,
    said: Value,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, said) in item.as_object().unwrap() {
            let scope = said["security"][0]["key"][0]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path} has no scope"));
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                scope: Scope::parse(scope).unwrap(),
                has_body: !said["requestBody"].is_null(),
                said: said.clone(),
            });
        }
    }
    assert!(found.len() > 25, "{} operations", found.len());
    found
}

impl Operation {
    fn address(&self, tenant: &str) -> String {
        let path = self.path.replace("{tenant}", tenant);
        let parameters = self.said["parameters"].as_array().cloned().unwrap_or_default();
        parameters.iter().filter(|parameter| parameter["in"] == "path").fold(path, |path, parameter| {
            let name = parameter["name"].as_str().unwrap();
            path.replace(&format!("{{{name}}}"), parameter["example"].as_str().unwrap())
        })
    }

    fn body(&self) -> Option<Value> {
        self.has_body.then(|| json!({}))
    }
}

async fn document(site: &Site) -> Value {
    site.ask("GET", "/v1/openapi.json", "", None).await.good()
}

#[tokio::test]
async fn every_operation_refuses_who_has_no_key_and_who_has_a_wrong_one() {
    let site = Site::new(2).await;
    let ended = site.key_that_ends(None, &[Scope::Admin], Some(1)).await;
    let revoked = site.key(None, &[Scope::Admin]).await;
    let id = &revoked[4..14];
    site.store.revoke_api_key(id, 1).await.unwrap();
    let mistyped = format!("{}x", &site.root[..site.root.len() - 1]);
    for operation in operations(&document(&site).await) {
        let (method, address) = (&operation.method, operation.address("acme"));
        for (key, code) in [
            ("", "key.missing"),
            ("nonsense", "key.refused"),
            (&*mistyped, "key.refused"),
            (&*ended, "key.refused"),
            (&*revoked, "key.refused"),
        ] {
            let answer = site.ask(method, &address, key, operation.body()).await;
            assert_eq!((answer.status.as_u16(), answer.problem()), (401, code), "{method} {address} {key}");
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
}

#[tokio::test]
async fn every_operation_refuses_a_key_of_another_scope() {
    let site = Site::new(2).await;
    for operation in operations(&document(&site).await) {
        let wrong: Vec<Scope> = Scope::ALL
            .iter()
            .copied()
            .filter(|scope| ![operation.scope, Scope::Admin].contains(scope))
            .collect();
        let key = site.key(None, &wrong).await;
        let (method, address) = (&operation.method, operation.address("acme"));
        let answer = site.ask(method, &address, &key, operation.body()).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (403, "scope.missing"), "{method} {address}");
    }
}

#[tokio::test]
async fn a_foreign_tenant_does_not_exist_for_any_operation() {
    let site = Site::new(2).await;
    let foreign = site.key(Some("other"), &[Scope::Admin]).await;
    let within = |operation: &Operation| operation.path.contains("{tenant}");
    for operation in operations(&document(&site).await).into_iter().filter(within) {
        let method = &operation.method;
        for (tenant, key) in [("acme", &foreign), ("nobody", &foreign), ("nobody", &site.root)] {
            let address = operation.address(tenant);
            let answer = site.ask(method, &address, key, operation.body()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.problem()),
                (404, "tenant.not_found"),
                "{method} {address}"
            );
        }
    }
    let kept = site.get("/v1/tenants/acme").await.good();
    assert_eq!(kept, json!({"code": "acme", "live": true, "zone": "Asia/Kolkata"}));
}

/// Whether an address is one of the operation's.
fn is_of(operation: &Operation, method: &str, path: &str) -> bool {
    let (asked, told): (Vec<&str>, Vec<&str>) =
        (path.split('/').collect(), operation.path.split('/').collect());
    let alike = |(asked, told): (&&str, &&str)| asked == told || told.starts_with('{');
    operation.method == method && asked.len() == told.len() && asked.iter().zip(&told).all(alike)
}

#[tokio::test]
async fn every_command_of_the_page_about_the_api_is_an_operation_and_its_body_is_taken() {
    let site = Site::new(2).await;
    let operations = operations(&document(&site).await);
    let page = include_str!("../../../docs/API.md").replace("\\\n", " ");
    let commands: Vec<&str> =
        page.split("\ncurl ").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        let method = command.split("-X ").nth(1).map_or("GET", |rest| rest.split(' ').next().unwrap());
        let address = command.split("$API").nth(1).unwrap().split([' ', '"', '\n']).next().unwrap();
        let path = address.split('?').next().unwrap();
        assert!(operations.iter().any(|operation| is_of(operation, method, path)), "{method} {path}");
        let body = command.split("-d '").nth(1).map(|rest| rest.split('\'').next().unwrap());
        let body: Option<Value> = body.map(|body| serde_json::from_str(body).unwrap());
        let answer = site.ask(method, address, &site.root, body).await;
        // What a run asks about is not there in this test; everything else is done.
        let is_done = answer.status.is_success() || path.contains("/runs");
        assert!(
            is_done && !["body.wrong", "query.wrong"].contains(&answer.body["code"].as_str().unwrap_or("")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn every_operation_is_described_whole() {
    let site = Site::new(0).await;
    let document = document(&site).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for Operation { method, path, said, .. } in operations(&document) {
        let what = format!("{method} {path}");
        assert!(said["summary"].as_str().is_some_and(|text| text.len() > 10), "{what} has no summary");
        assert_eq!(said["tags"].as_array().map(Vec::len), Some(1), "{what} has one tag");
        let name = said["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "two operations are called {name}");
        for status in ["401", "403", "404", "429", "500"] {
            let named = said["responses"][status]["$ref"].as_str().unwrap_or_default();
            let named = &document.pointer(named.trim_start_matches('#')).unwrap_or(&Value::Null)["content"];
            let schema = &named["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{what} {status}");
        }
        for parameter in said["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{what}: {parameter}");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for (name, schema) in schemas {
        assert!(schema.as_object().is_some_and(|schema| schema.len() > 1), "{name} is empty: {schema}");
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "nothing uses {name}");
    }
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}
