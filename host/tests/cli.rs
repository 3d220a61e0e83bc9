//! The program as people and scripts meet it: what it prints where, and how it ends.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// A data directory of its own for each test.
struct Place(tempfile::TempDir);

/// What a command came to.
struct Done {
    exit: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn command(&self) -> Command {
        // The program is started from a folder of its own, so that no connector lies beside it.
        let program = self.0.path().join("bin/statusync");
        if !program.exists() {
            fs::create_dir(self.0.path().join("bin")).unwrap();
            let built = Path::new(env!("CARGO_BIN_EXE_statusync"));
            fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
        }
        let mut command = Command::new(program);
        command.env_clear().env("STATUSYNC_DATA", self.data()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Done {
        done(&self.command().args(arguments.split_whitespace()).output().unwrap())
    }

    fn run_with(&self, arguments: &str, stdin: &str) -> Done {
        let mut command = self.command();
        command.args(arguments.split_whitespace()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        done(&child.wait_with_output().unwrap())
    }

    /// A place with the tenant acme.
    fn with_acme() -> Place {
        let place = Place::new();
        let file = place.file("acme.json", acme().to_string());
        let imported = place.run(&format!("import {file}"));
        assert_eq!(imported.exit, 0, "{}", imported.err);
        place
    }
}

fn done(output: &Output) -> Done {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Done { exit: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Done {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// It ended so, and said these words to stderr.
    fn says(&self, exit: i32, words: &[&str]) {
        assert_eq!(self.exit, exit, "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word}: {}", self.err);
        }
    }
}

fn acme() -> Value {
    json!({
        "tenant": "acme", "live": true,
        "facilities": [{"code": "DEL1"}],
        "sequences": [{"owner": "DEL1", "kind": "SHIPPING_PACKAGE", "prefix": "SP", "next": 101}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5}],
        "channels": [{"code": "FK1", "connector": "nowhere", "default_facility": "DEL1", "shipping": "CHANNEL"}],
        "orders": [{"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "PROCESSING",
            "items": [{"code": "O1-1", "channel_item_id": "111", "sku": "A", "facility": "DEL1",
                       "status": "FULFILLABLE", "package": "SP90"}],
            "packages": [{"code": "SP90", "facility": "DEL1", "status": "CREATED"}]}],
        "putaways": [{"code": "PA1", "type": "PUTAWAY_PICKLIST_ITEM", "item": "O1-1", "status": "DUE"}],
        "conflicts": [{"code": "CF1", "cause": "REOPENED_ON_CHANNEL", "order": "O1", "items": ["O1-1"],
                       "message": "it is open again", "open": true}],
        "parked": [{"cause": "UNKNOWN_ORDER", "channel": "FK1", "order": "OD9",
                    "observation": {"order": "OD9", "status": "DISPATCHED"}}]
    })
}

/// Every command, by walking the lists of subcommands in the help texts.
fn commands(place: &Place, path: &str, found: &mut Vec<String>) {
    let help = place.run(&format!("{path} --help"));
    assert_eq!(help.exit, 0, "{path}: {}", help.err);
    found.push(path.to_owned());
    let listed = help.out.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    for line in listed.take_while(|line| line.starts_with("  ")) {
        match line.split_whitespace().next() {
            Some(name) if name != "help" && !line.starts_with("   ") => {
                commands(place, format!("{path} {name}").trim(), found);
            }
            _ => {}
        }
    }
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let place = Place::new();
    let mut found = Vec::new();
    commands(&place, "", &mut found);
    assert!(found.len() > 40, "{found:?}");
    for path in found {
        let help = place.run(&format!("{path} --help")).out;
        assert!(help.contains("Example") && help.contains("  statusync "), "{path}: {help}");
    }
    assert!(!place.data().exists());
}

#[test]
fn what_is_typed_wrong_is_a_usage_error() {
    let place = Place::new();
    for (arguments, words) in [
        ("tenent list", "tenant"),
        ("sync --tenant acme", "--channel"),
        ("sync --tenant acme --channel FK1 --orders a --all", "cannot be used with"),
        ("sync --tenant acme --channel FK1 --task pendign", "did you mean `pending`?"),
        ("sync --tenant acme --channel FK1 --since yesterday", "30d"),
        ("sync --tenant acme --channel FK1 --orders ,", "names no order"),
        ("sync --tenant acme --channel FK1 --orders a --on-hold", "either --orders or --all"),
        ("sync --tenant acme --channel FK1 --on-hold", "add --all"),
        ("sync --tenant acme --channel FK1 --returns", "name them with --orders"),
        ("sync --tenant acme --channel FK1 --all --returns --task returns", "cannot be used with"),
        ("observe --tenant acme --channel FK1 --now today x", "2026-01-15T09:30:00Z"),
        ("sequence set --tenant a --owner D --kind SALE --prefix P --next 1", "SALE_RETURN_INVOICE"),
        ("sequence set --tenant a --owner D --kind SALE_INVOICE --prefix P --next -1", "--next"),
        ("stock set --tenant a --facility D --sku A --on-hand -1", "-1"),
        ("runs twelve", "R12"),
        ("order list --tenant a --status DONE", "PROCESSING"),
        ("--log loud tasks", "debug"),
    ] {
        place.run(arguments).says(2, &[words]);
    }
    assert!(!place.data().exists());
}

#[test]
fn chosen_orders_are_of_one_channel_which_they_tell_themselves() {
    let place = Place::new();
    let mut tenant = acme();
    let mut other = tenant["channels"][0].clone();
    other["code"] = "FK2".into();
    tenant["channels"].as_array_mut().unwrap().push(other);
    let mut order = tenant["orders"][0].clone();
    for (key, value) in [("code", "O2"), ("channel", "FK2"), ("channel_order_id", "OD2")] {
        order[key] = value.into();
    }
    (order["items"][0]["code"], order["items"][0]["package"]) = ("O2-1".into(), "SP91".into());
    order["packages"][0]["code"] = "SP91".into();
    tenant["orders"].as_array_mut().unwrap().push(order);
    assert_eq!(place.run(&format!("import {}", place.file("acme.json", tenant.to_string()))).exit, 0);

    let words = ["O1 is of channel FK1", "OD2 is of channel FK2"];
    for channel in ["", "--channel FK1 "] {
        place.run(&format!("sync --tenant acme {channel}--orders O1,OD2")).says(2, &words);
    }
    place.run("sync --tenant acme --orders O1,O9").says(2, &["has no order O9", "order list"]);
    // The channel was found: what is missing is its connector.
    place.run("sync --tenant acme --orders OD2").says(4, &["Channel FK2 needs connector nowhere"]);
    let listed = place.run("order list --tenant acme --search od2 --json").json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["code"]), (1, &"O2".into()));
    assert_eq!(place.run("order list --tenant acme --on-hold --json").json(), json!([]));
}

#[test]
fn init_makes_everything_once_and_touches_nothing_later() {
    let place = Place::new();
    let made = place.run("init");
    made.says(0, &["config.toml", "key"]);
    assert_eq!(made.out, "");
    let key = fs::read(place.data().join("key")).unwrap();
    #[cfg(unix)]
    {
        let mode = fs::metadata(place.data().join("key")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    }
    fs::write(place.data().join("config.toml"), "[sync]\nruns = 2\n").unwrap();
    place.run("init").says(0, &["is there already; nothing was changed"]);
    assert_eq!(fs::read(place.data().join("key")).unwrap(), key);
    assert_eq!(fs::read_to_string(place.data().join("config.toml")).unwrap(), "[sync]\nruns = 2\n");
}

#[test]
fn the_first_admin_is_added_once_and_others_get_roles_links_and_an_end() {
    let place = Place::new();
    place.run("init").says(0, &["added the user admin", "http://127.0.0.1:8420/console/enter/"]);
    place.run("tenant add acme").says(0, &[]);
    let added = place.run("user add Ana@acme.example --role operator --tenant acme");
    added.says(0, &["ana@acme.example is added", "once"]);
    assert!(added.out.starts_with("http://127.0.0.1:8420/console/enter/"), "{}", added.out);
    place.run("user add ana@acme.example --role viewer --every-tenant").says(1, &["exists already"]);
    place.run("user add bob --role boss --every-tenant").says(2, &["viewer, operator, admin"]);
    place.run("user add bob --role viewer --tenant acm").says(1, &["did you mean `acme`?"]);
    place
        .run("user role ana@acme.example --role admin --every-tenant")
        .says(0, &["is admin in every tenant"]);
    place.run("user role ana@acme.example --none --tenant acme").says(0, &["is nothing in tenant acme"]);
    place.run("user disable ana@acme.exampl").says(1, &["did you mean `ana@acme.example`?"]);
    place.run("user disable ana@acme.example").says(0, &["cannot sign in any more"]);
    let listed = place.run("user list");
    assert_eq!(listed.out.lines().count(), 3, "{}", listed.out);
    let last = listed.out.lines().last().unwrap();
    assert!(last.contains("admin in every tenant") && last.contains("disabled"), "{last}");
    place.run("user enable ana@acme.example").says(0, &["can sign in again"]);
    assert_ne!(place.run("user reset ana@acme.example").out, place.run("user link ana@acme.example").out);
    let shown = place.run("user list --json").json();
    assert!(shown[0].get("password").is_none() && !shown.to_string().contains("argon2"), "{shown}");
}

#[test]
fn commands_that_read_say_what_to_do_where_there_is_no_data() {
    let place = Place::new();
    for arguments in ["tasks", "runs", "tenant list", "export --tenant acme", "order list --tenant acme"] {
        place.run(arguments).says(1, &["there is no data directory", "statusync init"]);
    }
    assert!(!place.data().exists());
    place.run("tenant add acme").says(0, &["made the data directory", "tenant acme is added"]);
    place.run("-q tenant add beta").says(0, &[]);
    let listed = place.run("tenant list --json");
    let row = |code: &str| json!({"code": code, "live": false, "zone": "Asia/Kolkata"});
    assert_eq!(listed.json(), json!([row("acme"), row("beta")]));
    assert_eq!(listed.err, "");
}

#[test]
fn a_tenant_goes_live_and_is_removed() {
    let place = Place::new();
    place.run("tenant add acme").says(0, &[]);
    place.run("tenant add acme").says(1, &["acme", "exists already"]);
    place.run("tenant live acm").says(1, &["did you mean `acme`?"]);
    place.run("tenant live acme").says(0, &["tenant acme is live"]);
    place
        .run("tenant zone acme Asia/Nowhere")
        .says(2, &["no time zone `Asia/Nowhere`", "such as Asia/Kolkata"]);
    place.run("tenant zone acm Asia/Dubai").says(1, &["did you mean `acme`?"]);
    place.run("tenant zone acme asia/dubai").says(0, &["times of tenant acme in Asia/Dubai"]);
    assert_eq!(place.run("tenant list").out, "TENANT  STATE  TIME ZONE\nacme    live   Asia/Dubai\n");
    place.run("tenant remove --tenant acme --yes").says(0, &["is removed"]);
    place.run("tenant list").says(0, &["there are no tenants"]);
}

#[test]
fn an_import_is_exported_again_and_the_export_imported_gives_the_same() {
    let place = Place::with_acme();
    let first = place.run("export --tenant acme");
    assert_eq!((first.exit, first.err.as_str()), (0, ""));
    let exported = first.json();
    assert_eq!(exported["orders"][0]["items"][0]["code"], "O1-1");
    assert_eq!(exported["stock"][0]["available"], 5);
    place.run_with("import -", &first.out).says(0, &["tenant acme is imported: 1 channel, 1 order, 1 item"]);
    assert_eq!(place.run("export --tenant acme").out, first.out);
}

#[test]
fn a_backup_is_restored_into_an_empty_place_with_the_same_key() {
    let (old, new) = (Place::with_acme(), Place::new());
    let backup = old.0.path().join("backup.gz").display().to_string();
    old.run(&format!("backup {backup}")).says(0, &["holds 1 tenant", "secrets in it open with"]);
    old.run(&format!("backup {backup}")).says(1, &["exists already"]);
    old.run(&format!("restore {backup}")).says(1, &["tenant acme", "exists already"]);

    new.run(&format!("restore {backup}")).says(1, &["there is no data directory"]);
    new.run("init").says(0, &[]);
    fs::copy(old.data().join("key"), new.data().join("key")).unwrap();
    let cut = new.file("cut.gz", &fs::read(&backup).unwrap()[..900]);
    new.run(&format!("restore {cut}")).says(1, &["cut.gz: line ", "nothing was taken"]);
    new.run("tenant list").says(0, &["there are no tenants"]);
    new.run(&format!("restore {backup}")).says(0, &["1 tenant", "number series go on"]);
    assert_eq!(new.run("export --tenant acme").out, old.run("export --tenant acme").out);
}

#[test]
fn an_import_warns_of_a_connector_that_is_not_loaded() {
    let place = Place::new();
    let file = place.file("acme.json", acme().to_string());
    place.run(&format!("import {file}")).says(0, &["warning: channel FK1", "libnowhere.so"]);
}

#[test]
fn of_several_snapshots_one_that_is_refused_does_not_stop_the_others() {
    let place = Place::new();
    let named = |code: &str| {
        let mut snapshot = acme();
        snapshot["tenant"] = json!(code);
        place.file(&format!("{code}.json"), snapshot.to_string())
    };
    let (first, last, bad) = (named("first"), named("last"), place.file("bad.json", "{"));
    let told = place.run(&format!("import {first} {bad} {last}"));
    told.says(3, &["tenant first is imported", "bad.json:1:", "tenant last is imported", "1 of 3 snapshots"]);
    assert_eq!(
        place.run("tenant list").out,
        "TENANT  STATE  TIME ZONE\nfirst   live   Asia/Kolkata\nlast    live   Asia/Kolkata\n"
    );
    place.run(&format!("import {bad} {bad}")).says(1, &["2 of 2 snapshots were not taken"]);
}

#[test]
fn a_snapshot_that_contradicts_itself_is_refused_whole() {
    let cases: [(&str, Value, &str); 6] = [
        ("/orders/0/channel", json!("FK2"), "orders[0].channel: order O1 is of channel FK2"),
        (
            "/orders/0/items/0/package",
            json!("SP1"),
            "orders[0].items[0].package: item O1-1 is in package SP1",
        ),
        (
            "/orders/0/items/0/facility",
            json!("BOM"),
            "orders[0].items[0].facility: item O1-1 names facility BOM",
        ),
        ("/putaways/0/item", json!("O7-1"), "putaways[0].item: the putaway is of item O7-1"),
        ("/sequences/0/next", json!(-1), "sequences[0].next: invalid value: integer `-1`"),
        ("/orders/0/status", json!("DONE"), "orders[0].status: unknown variant `DONE`"),
    ];
    for (pointer, value, words) in cases {
        let place = Place::new();
        let mut snapshot = acme();
        *snapshot.pointer_mut(pointer).unwrap() = value;
        let file = place.file("bad.json", serde_json::to_string_pretty(&snapshot).unwrap());
        let refused = place.run(&format!("import {file}"));
        refused.says(1, &[words, "bad.json:", "nothing of it was taken"]);
        let line = refused.err.lines().last().unwrap();
        let number: usize =
            line.split("bad.json:").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
        assert!(number > 1, "{line}");
        assert_eq!(refused.out, "");
        assert!(!place.data().exists(), "{pointer}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::with_acme();
    place.run("import nothing.json").says(1, &["could not read nothing.json"]);
    place.run("observe --tenant acme --channel FK1 none.jsonl").says(1, &["could not read none.jsonl"]);
    assert_eq!(place.run("connector check none.so").exit, 1);
}

#[test]
fn a_tenant_that_is_not_live_is_not_synced() {
    let place = Place::with_acme();
    place.run("tenant live acme --off").says(0, &[]);
    let line = json!({"order": "OD1", "status": "DISPATCHED"}).to_string();
    let file = place.file("o.jsonl", line);
    for arguments in
        ["sync --tenant acme --channel FK1", &format!("observe --tenant acme --channel FK1 --json {file}")]
    {
        let skipped = place.run(arguments);
        skipped.says(4, &["Sync not allowed as Tenant is not Live yet\n"]);
        assert!(!skipped.out.contains("outcome"), "{}", skipped.out);
    }
    assert_eq!(place.run("runs --json").json().as_array().unwrap().len(), 2);
}

#[test]
fn a_channel_without_its_connector_is_skipped_and_the_file_named() {
    let place = Place::with_acme();
    let file = place.file("o.jsonl", json!({"order": "OD1", "status": "DISPATCHED"}).to_string());
    let plugins = place.data().join("plugins").display().to_string();
    for arguments in [
        format!("observe --tenant acme --channel FK1 {file}"),
        "sync --tenant acme --channel FK1 --orders OD1".to_owned(),
        "channel add --tenant acme XX1 --connector nowhere".to_owned(),
    ] {
        place.run(&arguments).says(4, &["libnowhere.so", &plugins]);
    }
    place.run("sync --tenant acme --channel FK9").says(1, &["has no channel FK9; did you mean `FK1`?"]);
}

#[test]
fn a_bad_line_of_observations_is_refused_before_anything_is_done() {
    let place = Place::with_acme();
    let lines =
        "{\"order\":\"OD1\",\"status\":\"DISPATCHED\"}\n{\"order\":\"OD1\",\"status\":\"DISPATCHD\"}\n";
    place
        .run_with("observe --tenant acme --channel FK1 -", lines)
        .says(1, &["stdin:2:", "status: unknown variant `DISPATCHD`", "did you mean `DISPATCHED`?"]);
    place.run("runs").says(0, &["there are no runs"]);
}

#[test]
fn what_is_kept_is_listed_for_people_and_as_json() {
    let place = Place::with_acme();
    for (arguments, words, key) in [
        ("channel list --tenant acme", "FK1", "code"),
        ("facility list --tenant acme", "DEL1", "code"),
        ("order list --tenant acme", "1 FULFILLABLE", "channel_order_id"),
        ("conflict list --tenant acme", "it is open again", "cause"),
        ("parked list --tenant acme", "UNKNOWN_ORDER", "cause"),
        ("putaway list --tenant acme", "PUTAWAY_PICKLIST_ITEM", "item"),
        ("sequence list --tenant acme", "SHIPPING_PACKAGE", "next"),
        ("stock list --tenant acme", "DEL1", "on_hand"),
    ] {
        let people = place.run(arguments);
        assert!(people.exit == 0 && people.out.contains(words), "{arguments}: {}{}", people.out, people.err);
        let rows = place.run(&format!("{arguments} --json")).json();
        assert!(rows[0].get(key).is_some(), "{arguments}: {rows}");
        place.run(&arguments.replace("acme", "acne")).says(1, &["did you mean `acme`?"]);
    }
}

#[test]
fn an_order_is_shown_and_explained_by_either_id() {
    let place = Place::with_acme();
    let shown = place.run("order show OD1 --tenant acme");
    for words in [
        "Order O1 (OD1 on channel FK1): PROCESSING",
        "Items\n",
        "Packages\n",
        "SP90",
        "Putaways\n",
        "Conflicts\n",
    ] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    assert_eq!(place.run("order show O1 --tenant acme --json").json()["order"]["code"], "O1");
    let explained = place.run("order explain O1 --tenant acme").out;
    for words in ["Nothing has changed it here", "A person has to decide:", "CF1: it is open again"] {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    let document = place.run("order explain O1 --tenant acme --json").json();
    assert_eq!(document["history"], json!([]));
    place.run("order show O7 --tenant acme").says(1, &["has no order O7"]);
}

#[test]
fn what_people_do_is_done_once() {
    let place = Place::with_acme();
    place.run("putaway complete --tenant acme PA1").says(0, &["putaway PA1", "GOOD_INVENTORY"]);
    place.run("putaway complete --tenant acme PA1").says(4, &["PA1"]);
    place.run("putaway complete --tenant acme PA9").says(1, &["PA9", "putaway list"]);
    place.run("conflict keep --tenant acme CF1").says(0, &["conflict CF1 kept"]);
    place.run("conflict accept --tenant acme CF1").says(4, &["CF1"]);
    place.run("conflict list --tenant acme").says(0, &["there are no open conflicts"]);
}

#[test]
fn series_and_stock_are_set() {
    let place = Place::with_acme();
    let set = "sequence set --tenant acme --owner DEL1 --kind sale_invoice --prefix INV/ --next 7 --width 4 --no-reset";
    place.run(set).says(0, &["the next SALE_INVOICE of DEL1 is INV/0007"]);
    place
        .run("sequence set --tenant acme --owner X --kind SALE_INVOICE --prefix I --next 1")
        .says(0, &["warning: X"]);
    let rows = place.run("sequence list --tenant acme --json").json();
    let invoice = rows.as_array().unwrap().iter().find(|row| row["prefix"] == "INV/").unwrap();
    assert_eq!((&invoice["reset"], &invoice["width"]), (&json!(false), &json!(4)));
    place.run("stock set --tenant acme --facility DEL1 --sku A --on-hand 9").says(0, &["9 on hand"]);
    place
        .run("stock set --tenant acme --facility DEL2 --sku A --on-hand 9")
        .says(1, &["did you mean `DEL1`?"]);
    place.run("facility add --tenant acme DEL2 --traceability item").says(0, &["traceability ITEM"]);
    place.run("stock set --tenant acme --facility DEL2 --sku A --on-hand 9").says(0, &[]);
}

#[test]
fn a_channel_is_switched_and_its_traits_are_changed_without_a_connector() {
    let place = Place::with_acme();
    place.run("channel disable --tenant acme FK1").says(0, &["switched off"]);
    place.run("channel enable --tenant acme FK1").says(0, &["switched on"]);
    place.run("channel set --tenant acme FK1 --shipping seller --billing-party BP1").says(0, &["is changed"]);
    let row = place.run("channel list --tenant acme --json").json();
    assert_eq!((&row[0]["shipping"], &row[0]["billing_party"]), (&json!("SELLER"), &json!("BP1")));
    place.run("channel set --tenant acme FK1 --default-facility BOM").says(1, &["has no facility BOM"]);
    place.run("channel set --tenant acme FK1 base_url=https://x.example").says(4, &["libnowhere.so"]);
}

#[test]
fn a_wrong_configuration_is_told_with_its_place() {
    let place = Place::new();
    let file = place.file("c.toml", "[sync]\nlease_tll_ms = 9\n");
    place
        .run(&format!("--config {file} tenant add acme"))
        .says(2, &["c.toml:2:1: sync.lease_tll_ms: unknown field", "did you mean `lease_ttl_ms`?"]);
    place.run("--config none.toml tenant add acme").says(2, &["could not read none.toml"]);
    let file = place.file("db.toml", "[database]\nurl = \"mysql://u:hush@x\"\n");
    let said = place.run(&format!("--config {file} tenant add acme"));
    said.says(2, &["db.toml:2:7", "`mysql:` is no database that is known here"]);
    assert!(!said.err.contains("hush"), "{}", said.err);
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let place = Place::new();
    let missing = place.run("doctor");
    assert!(missing.exit == 1 && missing.out.contains("✗ data directory:"), "{}", missing.out);
    place.run("tenant add acme").says(0, &[]);
    let well = place.run("doctor");
    assert_eq!(well.exit, 0, "{}", well.out);
    assert!(well.out.contains("! tenant acme: is not live"), "{}", well.out);

    let place = Place::with_acme();
    #[cfg(unix)]
    {
        let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
        fs::set_permissions(place.data().join("key"), open).unwrap();
        let report = place.run("doctor");
        assert!(report.exit == 1 && report.out.contains("✗ key file:"), "{}", report.out);
        assert!(report.out.contains("chmod 600"), "{}", report.out);
        let closed = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
        fs::set_permissions(place.data().join("key"), closed).unwrap();
    }
    let report = place.run("doctor --json");
    assert_eq!(report.exit, 1);
    let lines = report.json();
    let channel = lines.as_array().unwrap().iter().find(|line| line["about"] == "channel acme/FK1").unwrap();
    assert_eq!(channel["grade"], "wrong");
    assert!(channel["sentence"].as_str().unwrap().contains("libnowhere.so"));

    fs::write(place.data().join("config.toml"), "[sync]\nruns = 0\n").unwrap();
    let report = place.run("doctor");
    assert!(report.exit == 1 && report.out.contains("✗ configuration:"), "{}", report.out);
}

#[test]
fn a_lost_key_is_not_replaced() {
    let place = Place::with_acme();
    fs::remove_file(place.data().join("key")).unwrap();
    place.run("tasks").says(1, &["key", "restore it from the backup"]);
    place.run("tenant add beta").says(1, &["restore it from the backup"]);
    assert!(!place.data().join("key").exists());
}

#[test]
fn connectors_are_listed_without_a_data_directory_and_broken_files_named() {
    let place = Place::new();
    let listed = place.run("connector list --json");
    assert_eq!(listed.json(), json!({"connectors": [], "refused": []}));
    assert!(!place.data().exists());
    let file = place.file("libbroken.so", "no library");
    let checked = place.run(&format!("connector check {file}"));
    assert!(checked.exit == 1 && checked.out.starts_with("✗ file"), "{}", checked.out);
    let settings = place.file("s.toml", "");
    place
        .run(&format!("connector try {file} --settings {settings} --task status"))
        .says(1, &["libbroken.so"]);
}

#[test]
fn completions_and_schemas_are_printed() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish"] {
        let script = place.run(&format!("completions {shell}"));
        assert!(script.exit == 0 && script.out.contains("statusync"), "{shell}");
    }
    for what in ["snapshot", "observation"] {
        assert_eq!(place.run(&format!("schema {what}")).json()["type"], "object");
    }
}

#[test]
fn nothing_is_coloured_off_a_terminal() {
    let place = Place::with_acme();
    for arguments in
        ["tasks", "doctor", "order show O1 --tenant acme", "--help", "sync --tenant acme --channel FK1"]
    {
        for colour in ["", "1"] {
            let done = done(
                &place.command().args(arguments.split_whitespace()).env("NO_COLOR", colour).output().unwrap(),
            );
            assert!(!done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'), "{arguments}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let mut snapshot = acme();
    let orders: Vec<Value> = (0..2_000)
        .map(|n| {
            json!({"code": format!("O{n}"), "channel": "FK1", "channel_order_id": format!("OD{n}"), "status": "CREATED",
                   "items": [{"code": format!("O{n}-1"), "sku": "A", "status": "CREATED"}]})
        })
        .collect();
    snapshot["orders"] = Value::Array(orders);
    for list in ["putaways", "conflicts"] {
        snapshot[list] = json!([]);
    }
    let file = place.file("big.json", snapshot.to_string());
    place.run(&format!("import {file}")).says(0, &["2000 orders"]);
    for arguments in [
        "export --tenant acme",
        "order list --tenant acme --limit 2000",
        "order list --tenant acme --limit 2000 --json",
    ] {
        let mut child = place
            .command()
            .args(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let done = done(&child.wait_with_output().unwrap());
        assert_eq!((done.exit, done.err.as_str()), (0, ""), "{arguments}");
    }
}

/// A daemon that ends with the test.
struct Daemon {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStderr>>,
    address: String,
}

impl Daemon {
    /// Starts one on a free port and waits until it says so.
    fn start(place: &Place) -> Daemon {
        use std::io::{BufRead as _, BufReader};
        fs::write(place.data().join("config.toml"), "[http]\nlisten = \"127.0.0.1:0\"\n").unwrap();
        let mut child = place.command().args(["run", "--log", "off"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let (_, address) = first.split_once("http://").expect("it says where it answers");
        let address = address.split(';').next().unwrap().to_owned();
        assert!(first.contains("is running"), "{first}");
        Daemon { child, lines, address }
    }

    /// Status line and body of a page.
    fn get(&self, path: &str) -> (String, String) {
        use std::io::Read as _;
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: statusync\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn stop(mut self) -> Vec<String> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        let rest: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{rest:?}");
        rest
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_daemon_stops_when_it_is_told_to() {
    let rest = Daemon::start(&Place::with_acme()).stop();
    assert!(rest[0].starts_with("stopping") && rest[1] == "stopped", "{rest:?}");
}

#[test]
fn the_daemon_says_that_it_lives_is_ready_and_what_it_did() {
    let place = Place::with_acme();
    let daemon = Daemon::start(&place);
    assert_eq!(daemon.get("/livez"), ("HTTP/1.1 200 OK".into(), "scheduler: turns\n".into()));
    assert_eq!(
        daemon.get("/readyz"),
        ("HTTP/1.1 200 OK".into(), "scheduler: turns\ndatabase: answers\n".into())
    );
    let (status, figures) = daemon.get("/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(figures.contains("statusync_runs_in_flight 0"), "{figures}");
    assert!(!figures.contains("acme"), "no figure names a tenant: {figures}");
    assert!(daemon.get("/").0.contains("303"), "people are led to the console");
    assert!(daemon.get("/v1/tenants").0.contains("401"), "programs need a key");
}

#[test]
fn a_second_daemon_on_the_same_data_is_sent_away() {
    let place = Place::with_acme();
    let daemon = Daemon::start(&place);
    let second = place.run("run");
    second.says(4, &["a daemon runs on", "already, process", &daemon.child.id().to_string()]);
    daemon.stop();
    place.run("reload").says(4, &["no daemon runs on", "statusync run"]);
}

#[test]
fn a_wrong_configuration_is_told_and_the_daemon_keeps_the_one_it_has() {
    let place = Place::with_acme();
    let daemon = Daemon::start(&place);
    let config = place.data().join("config.toml");
    let good = fs::read_to_string(&config).unwrap();
    place.run("reload").says(0, &["has taken its configuration"]);

    fs::write(&config, "[sync]\nruns = 0\n").unwrap();
    place.run("reload").says(2, &["config.toml:2:8: sync.runs", "nonzero"]);
    // As if somebody had sent SIGHUP by hand, or the file had changed between the two looks.
    let told = Command::new("kill").args(["-HUP", &daemon.child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let note =
        || -> Value { serde_json::from_slice(&fs::read(place.data().join("daemon.json")).unwrap()).unwrap() };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while note()["problem"].is_null() {
        assert!(std::time::Instant::now() < deadline, "{}", note());
        std::thread::yield_now();
    }
    assert!(note()["problem"].as_str().unwrap().contains("sync.runs"));
    assert_eq!(daemon.get("/readyz").0, "HTTP/1.1 200 OK", "it goes on with what it had");

    fs::write(&config, good).unwrap();
    place.run("reload").says(0, &["has taken its configuration"]);
    assert!(note()["problem"].is_null());
}

#[test]
fn a_key_is_shown_once_listed_without_its_text_and_revoked() {
    let place = Place::new();
    assert_eq!(place.run("tenant add acme").exit, 0);
    let made = place.run("api-key new --tenant acme --scopes read,orders --label erp --expires 90d");
    assert_eq!(made.exit, 0, "{}", made.err);
    let text = made.out.trim();
    assert!(text.starts_with("ssk_") && text.len() == 53, "{text}");
    let id = &text[4..14];
    let listed = place.run("--json api-key list --tenant acme");
    assert!(listed.out.contains(id) && !listed.out.contains(&text[15..]), "{}", listed.out);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!((&listed[0]["scopes"], &listed[0]["label"]), (&json!(["read", "orders"]), &json!("erp")));
    assert_eq!(place.run(&format!("api-key revoke {id}")).exit, 0);
    assert!(place.run("api-key list").out.contains("revoked"));
    assert_eq!(place.run("api-key revoke nobody").exit, 1);
    for (wrong, exit, words) in [
        ("api-key new --scopes read", 2, "--tenant"),
        ("api-key new --tenant acme --scopes raed", 2, "did you mean `read`?"),
        ("api-key new --tenant amce --scopes read", 1, "did you mean `acme`?"),
    ] {
        let done = place.run(wrong);
        assert!(done.exit == exit && done.err.contains(words), "{wrong}: {} {}", done.exit, done.err);
    }
}

/// Answers so many requests with a status, and gives back what came.
fn receiver(status: &'static str, requests: usize) -> (String, std::thread::JoinHandle<Vec<String>>) {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let seen = std::thread::spawn(move || {
        let mut seen = Vec::new();
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut text, mut piece) = (String::new(), [0; 4_096]);
            // The body ends with the object that it is.
            while !text.ends_with("}}") {
                let read = stream.read(&mut piece).unwrap();
                text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            }
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 6\r\nconnection: close\r\n\r\nthanks")
                .unwrap();
            seen.push(text);
        }
        seen
    });
    (url, seen)
}

#[test]
fn a_webhook_is_added_tested_listed_and_removed() {
    let place = Place::with_acme();
    fs::write(place.data().join("config.toml"), "[egress]\nallow_loopback = true\n").unwrap();
    let (url, seen) = receiver("200 OK", 1);
    let made = place.run(&format!("webhook add --tenant acme {url} --events order.taken --label erp"));
    assert!(made.exit == 0 && made.out.starts_with("whsec_"), "{}", made.err);
    let listed = place.run("--json webhook list --tenant acme");
    assert!(!listed.out.contains(made.out.trim()));
    let id = listed.json()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed.json()[0]["events"], json!(["order.taken"]));
    let tested = place.run(&format!("webhook test --tenant acme {id}"));
    assert!(tested.exit == 0 && tested.err.contains("took the test: status 200"), "{}", tested.err);
    assert!(seen.join().unwrap()[0].contains("webhook-signature: v1,"));
    let tested = place.run(&format!("--json webhook test --tenant acme {id}"));
    assert_eq!((tested.exit, &tested.json()["delivered"]), (1, &json!(false)), "nobody listens any more");

    let rotated = place.run(&format!("webhook rotate --tenant acme {id} --overlap 48h"));
    assert!(rotated.out.starts_with("whsec_") && rotated.out != made.out && rotated.err.contains("48 h"));
    assert_eq!(place.run(&format!("webhook disable --tenant acme {id}")).exit, 0);
    let doctor = place.run("doctor");
    assert!(
        doctor.out.contains(&format!("! webhook acme/{id}: is disabled: a person disabled it")),
        "{}",
        doctor.out
    );
    assert_eq!(place.run(&format!("webhook enable --tenant acme {id}")).exit, 0);
    assert!(place.run("webhook list --tenant acme").out.contains("told"));
    assert_eq!(place.run(&format!("--json webhook deliveries --tenant acme {id}")).json(), json!([]));
    let replayed = place.run(&format!("--json webhook replay --tenant acme {id} --since 2d"));
    assert_eq!(replayed.json(), json!({"deliveries": 0}));
    assert_eq!(place.run(&format!("webhook remove --tenant acme {id}")).exit, 0);
    for (wrong, exit, said) in [
        (format!("webhook test --tenant acme {id}"), 1, "has no webhook"),
        ("webhook add --tenant acme http://example.com/".to_owned(), 2, "only https is allowed"),
        ("webhook add --tenant acme https://10.0.0.1/".to_owned(), 2, "literal addresses are not allowed"),
        ("webhook add --tenant acme https://example.com/ --events order.takn".to_owned(), 2, "did you mean"),
        ("webhook list --tenant amce".to_owned(), 1, "did you mean `acme`?"),
    ] {
        let refused = place.run(&wrong);
        assert!(
            refused.exit == exit && refused.err.contains(said),
            "{wrong}: {} {}",
            refused.exit,
            refused.err
        );
    }
}
