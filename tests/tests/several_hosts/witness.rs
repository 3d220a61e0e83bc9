//! What was committed, by whom, in which order: written down by triggers in the database itself, which a transaction that is
//! taken back takes back too.
//!
//! Who writes is known by the name that each process gives its connections. A channel's row is locked by whoever claims it
//! or writes a page of it, so the numbers of a channel's events are in the order of their commits.

use kit::cluster::{Database, SUPERUSER};
use serde_json::Value;

use crate::checker::{Event, States, Step, What};

const TRIGGERS: &str = r"
    CREATE SCHEMA witness;
    CREATE TABLE witness.events (number BIGSERIAL PRIMARY KEY, at BIGINT NOT NULL, event JSONB NOT NULL);
    CREATE FUNCTION witness.note(of_tenant TEXT, of_channel TEXT, event JSONB) RETURNS void LANGUAGE sql AS $$
        INSERT INTO witness.events (at, event)
        SELECT floor(extract(epoch FROM clock_timestamp()) * 1000),
            event || jsonb_build_object('channel', tenant || '/' || code, 'epoch', lease_epoch,
                                        'host', current_setting('application_name'))
        FROM public.channels WHERE tenant = of_tenant AND code = of_channel
    $$;

    CREATE FUNCTION witness.lease() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        PERFORM witness.note(NEW.tenant, NEW.code, jsonb_build_object('what', 'claim', 'taken_at', NEW.lease_since,
            'held_until', OLD.lease_until));
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness AFTER UPDATE ON public.channels FOR EACH ROW
        WHEN (NEW.lease_epoch <> OLD.lease_epoch) EXECUTE FUNCTION witness.lease();

    CREATE FUNCTION witness.run() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        PERFORM witness.note(NEW.tenant, NEW.channel, jsonb_build_object('what', TG_ARGV[0], 'run', 'R' || NEW.id,
            'polled', coalesce((NEW.counts::jsonb ->> 'polled')::bigint, 0)));
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness_begin AFTER INSERT ON public.runs FOR EACH ROW EXECUTE FUNCTION witness.run('begin');
    CREATE TRIGGER witness_page AFTER UPDATE ON public.runs FOR EACH ROW
        WHEN (NEW.counts <> OLD.counts AND NEW.ended_at IS NULL) EXECUTE FUNCTION witness.run('page');

    CREATE FUNCTION witness.change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        PERFORM witness.note(NEW.tenant, NEW.body::jsonb ->> 'channel', jsonb_build_object('what', 'change',
            'run', NEW.body::jsonb ->> 'run', 'order', NEW.order_code, 'effects', NEW.body::jsonb -> 'effects'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness AFTER INSERT ON public.history FOR EACH ROW EXECUTE FUNCTION witness.change();
";

/// Who looks on.
pub(crate) struct Witness {
    database: Database,
}

/// A channel was taken.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) channel: String,
    pub(crate) by: String,
    /// By the database's clock, which is this machine's.
    pub(crate) at: i64,
    /// Whether another process had it before and had not given it back.
    pub(crate) is_takeover: bool,
}

impl Witness {
    /// Looks on from here on. The tables must be there.
    pub(crate) fn of(database: &Database) -> Witness {
        database.execute(SUPERUSER, TRIGGERS).unwrap();
        Witness { database: database.clone() }
    }

    fn ask(&self, sql: &str) -> Vec<Value> {
        let told = self.database.execute(SUPERUSER, sql).unwrap();
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How many pages have been written.
    pub(crate) fn pages(&self) -> u64 {
        let count = self.ask("SELECT count(*) FROM witness.events WHERE event ->> 'what' = 'page'");
        count[0].as_u64().unwrap()
    }

    /// The number of the last event.
    pub(crate) fn last(&self) -> i64 {
        self.ask("SELECT coalesce(max(number), 0) FROM witness.events")[0].as_i64().unwrap()
    }

    /// The channels that a process has now, or whose lease it left behind.
    pub(crate) fn held_by(&self, host: &str) -> Vec<String> {
        let held = self.ask(&format!(
            "SELECT to_json(c.tenant || '/' || c.code) FROM public.channels c CROSS JOIN LATERAL (
                 SELECT event ->> 'host' AS host FROM witness.events e
                 WHERE e.event ->> 'channel' = c.tenant || '/' || c.code AND e.event ->> 'what' = 'claim'
                 ORDER BY number DESC LIMIT 1) last
             WHERE c.lease_until > extract(epoch FROM clock_timestamp()) * 1000 AND last.host = '{host}'
             ORDER BY c.tenant, c.code"
        ));
        held.iter().map(text).collect()
    }

    /// How many tasks have not ended a run well that began at `since`, in milliseconds, or later.
    pub(crate) fn behind(&self, since: i64) -> u64 {
        let count = self.ask(&format!(
            "SELECT count(*) FROM public.tasks WHERE last IS NULL OR (last::jsonb ->> 'started_at')::bigint < {since}
                 OR last::jsonb ->> 'result' <> 'SUCCESS'"
        ));
        count[0].as_u64().unwrap()
    }

    /// The claims after an event.
    pub(crate) fn claims(&self, after: i64) -> Vec<Claim> {
        let rows = self.ask(&format!(
            "SELECT json_build_object('channel', channel, 'by', host, 'at', at, 'left', held_until > 0 AND holder <> host)
             FROM (
                 SELECT number, at, event ->> 'channel' AS channel, event ->> 'host' AS host,
                     (event ->> 'held_until')::bigint AS held_until,
                     lag(event ->> 'host') OVER (PARTITION BY event ->> 'channel' ORDER BY number) AS holder
                 FROM witness.events WHERE event ->> 'what' = 'claim') claims
             WHERE number > {after} ORDER BY number"
        ));
        rows.iter()
            .map(|row| Claim {
                channel: text(&row["channel"]),
                by: text(&row["by"]),
                at: row["at"].as_i64().unwrap(),
                is_takeover: row["left"] == true,
            })
            .collect()
    }

    /// Everything that was written.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.ask("SELECT event FROM witness.events ORDER BY number").iter().map(event).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn event(row: &Value) -> Event {
    let number = |name: &str| row[name].as_i64().unwrap();
    let run = || text(&row["run"]);
    let what = match row["what"].as_str().unwrap() {
        "claim" => What::Claim { at: number("taken_at"), held_until: number("held_until") },
        "begin" => What::Begin { run: run() },
        "page" => What::Page { run: run(), polled: row["polled"].as_u64().unwrap() },
        "change" => What::Change {
            run: run(),
            order: text(&row["order"]),
            steps: row["effects"].as_array().unwrap().iter().filter_map(step).collect(),
        },
        other => panic!("{other}"),
    };
    Event { channel: text(&row["channel"]), epoch: number("epoch"), host: text(&row["host"]), what }
}

fn step(effect: &Value) -> Option<Step> {
    let went = |thing: String| Step::Went { thing, from: text(&effect["from"]), to: text(&effect["to"]) };
    let of = |what: &str, field: &str| format!("{what} {}", text(&effect[field]));
    match effect["what"].as_str()? {
        "order" => Some(went("status".to_owned())),
        "item" => Some(went(of("item", "item"))),
        "package" => Some(went(of("package", "package"))),
        "invoice" => Some(Step::Made(format!("{} {}", of("invoice", "number"), text(&effect["to"])))),
        "package_made" => Some(Step::Made(of("package", "package"))),
        "putaway_due" => Some(Step::Made(of("putaway", "code"))),
        _ => None,
    }
}

/// The states of a snapshot's items and orders, as the checker begins with them.
pub(crate) fn states(snapshot: &Value) -> States {
    let mut states = States::new();
    for order in snapshot["orders"].as_array().into_iter().flatten() {
        let place =
            format!("{}/{}/{}", text(&snapshot["tenant"]), text(&order["channel"]), text(&order["code"]));
        states.insert((place.clone(), "status".to_owned()), text(&order["status"]));
        for item in order["items"].as_array().into_iter().flatten() {
            states.insert((place.clone(), format!("item {}", text(&item["code"]))), text(&item["status"]));
        }
    }
    states
}
