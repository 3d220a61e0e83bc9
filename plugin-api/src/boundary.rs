//! Plain types to boundary records and back, and the functions that a connector library exports.
//!
//! Everything that runs author code here is guarded: a panic is caught in the library that threw it, since none may
//! cross into the host.

use std::{panic, sync::OnceLock, time::Duration};

use plugin_abi::{
    Answer, Ask, ConnectorModule, ConnectorModule_Ref, Fault, Field, HostFns_Ref, LibHeader, NO_QUANTITY,
    NO_TIME, PullBox, RNone, ROk, ROption, RResult, RSome, RStr, RString, RVec, RootModuleResult, Step,
    Tuple2, encoding, op, source,
};

use crate::{
    Connector, Descriptor, Error, ErrorKind, Job, Observation, Reply, Request, ReturnFact, ReturnKind,
    ShippedBy, Status, Value,
    http::Source,
    logging,
    machine::{Machine, Question, guarded},
};

/// What the export macro puts into a connector library.
pub type Header = LibHeader;

/// The header of a library that exports `C`, in the version that its crate has.
pub const fn header<C: Exported>() -> Header {
    // SAFETY: `root::<C>` returns the erased prefix of a `ConnectorModule_Ref`, the type named here.
    #[expect(unsafe_code, reason = "abi_stable's only way to write the header without its attribute macro")]
    unsafe {
        LibHeader::from_constructor::<ConnectorModule_Ref>(root::<C>, plugin_abi::CheckTypeLayout::Yes)
    }
}

/// A connector with the version of its crate; implemented by [`export_connector!`](crate::export_connector).
pub trait Exported: Connector {
    /// The version of the connector's crate.
    const VERSION: &'static str;

    /// What stands in the file's `.connector` section.
    fn manifest() -> &'static [u8];
}

extern "C" fn root<C: Exported>() -> RootModuleResult {
    use plugin_abi::prefix_leak;
    // Some linkers drop what no code refers to, whatever section it is in: GNU ld of 2022 does, lld does not.
    std::hint::black_box(C::manifest());
    plugin_abi::call_root_module_loader(|| {
        prefix_leak(ConnectorModule { init, describe: describe::<C>, open: open::<C> })
    })
}

static HOST: OnceLock<HostFns_Ref> = OnceLock::new();

/// The host's functions, once [`init`] has run.
pub(crate) fn host() -> Option<HostFns_Ref> {
    HOST.get().copied()
}

extern "C" fn init(host: HostFns_Ref) -> RResult<(), Fault> {
    let done = guarded(|| {
        if HOST.set(host).is_ok() {
            // This library has its own copy of std: the host's panic hook never sees a panic of ours.
            panic::set_hook(Box::new(|info| logging::panicked(&info.to_string())));
            logging::forward();
        }
    });
    done.map_err(|error| fault(&error)).into()
}

extern "C" fn describe<C: Exported>() -> RResult<RString, Fault> {
    let text = guarded(|| {
        let descriptor = Descriptor { version: C::VERSION.to_owned(), ..C::descriptor() };
        serde_json::to_string(&descriptor)
            .map_err(|error| Error::new(ErrorKind::PluginFault, error.to_string()))
    });
    text.and_then(|text| text).map(RString::from).map_err(|error| fault(&error)).into()
}

extern "C" fn open<C: Exported>(job: RStr<'_>) -> RResult<PullBox, Fault> {
    let machine = guarded(|| {
        let job: Job = serde_json::from_str(job.as_str()).map_err(|error| {
            Error::unsupported(format!("this connector does not understand the host's job: {error}"))
        })?;
        Machine::open::<C>(job)
    });
    match machine.and_then(|machine| machine) {
        Ok(machine) => ROk(PullBox::from_value(machine, plugin_abi::TD_Opaque)),
        Err(error) => RResult::RErr(fault(&error)),
    }
}

impl plugin_abi::Pull for Machine {
    fn step(&mut self, answers: RVec<Answer>) -> Step {
        // `Machine::step` guards the author's code; this guards ours, since abi_stable would end the process.
        let step = guarded(|| {
            let out = Machine::step(
                self,
                answers.into_iter().map(|answer| (answer.id, read_answer(answer.result))),
            );
            Step {
                asks: out.asks.into_iter().map(|(id, question)| write_ask(id, question)).collect(),
                observations: out.observations.into_iter().map(write_observation).collect(),
                mark: match out.mark.as_ref().map(serde_json::to_string) {
                    Some(Ok(mark)) => RSome(mark.into()),
                    _ => RNone,
                },
                end: match out.end {
                    None => RNone,
                    Some(Ok(text)) => RSome(ROk(text.into())),
                    Some(Err(error)) => RSome(RResult::RErr(fault(&error))),
                },
            }
        });
        step.unwrap_or_else(|error| Step {
            asks: RVec::new(),
            observations: RVec::new(),
            mark: RNone,
            end: RSome(RResult::RErr(fault(&error))),
        })
    }
}

/// An error as it crosses.
pub fn fault(error: &Error) -> Fault {
    Fault {
        kind: error.kind as u16,
        retry_after_ms: error
            .retry_after
            .map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        operation: error.operation.as_str().into(),
        message: error.message.as_str().into(),
        ext: RVec::new(),
    }
}

/// An error that has crossed.
pub fn error(fault: Fault) -> Error {
    Error {
        kind: ErrorKind::from_code(fault.kind),
        operation: fault.operation.into_string(),
        message: fault.message.into_string(),
        retry_after: (fault.retry_after_ms > 0).then(|| Duration::from_millis(fault.retry_after_ms)),
    }
}

fn write_ask(id: u64, question: Question) -> Ask {
    match question {
        Question::Http(request) => {
            Ask { id, op: op::HTTP, millis: 0, request: RSome(write_request(*request)) }
        }
        Question::Sleep(wait) => {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            Ask { id, op: op::SLEEP, millis, request: RNone }
        }
        Question::Relogin => Ask { id, op: op::RELOGIN, millis: 0, request: RNone },
    }
}

fn read_answer(result: RResult<ROption<plugin_abi::Reply>, Fault>) -> Result<Option<Reply>, Error> {
    match result {
        ROk(reply) => Ok(reply.into_option().map(|reply| Reply {
            status: reply.status,
            headers: reply
                .headers
                .into_iter()
                .map(|Tuple2(name, value)| (name.into(), value.into()))
                .collect(),
            body: reply.body.into(),
            operation: String::new(),
        })),
        RResult::RErr(fault) => Err(error(fault)),
    }
}

fn write_request(request: Request) -> plugin_abi::Request {
    plugin_abi::Request {
        operation: request.operation.into(),
        method: request.method.into(),
        url: request.url.into(),
        headers: write_fields(request.headers),
        query: write_fields(request.query),
        form: write_fields(request.form),
        json: write_fields(request.json),
        body: request.body.into(),
        ext: RVec::new(),
    }
}

fn write_fields(fields: Vec<(String, Value)>) -> RVec<Field> {
    let field = |(name, value): (String, Value)| {
        let (source, text) = match value.source {
            Source::Text(text) => (source::TEXT, text),
            Source::Secret(name) => (source::SECRET, name),
            Source::Token => (source::TOKEN, String::new()),
            Source::TokenPart(name) => (source::TOKEN_PART, name),
            Source::Basic { user, password } => (source::BASIC, format!("{user}:{password}")),
        };
        Field {
            name: name.into(),
            source,
            value: text.into(),
            prefix: value.prefix.into(),
            encoding: if value.md5_hex { encoding::MD5_HEX } else { encoding::PLAIN },
        }
    };
    fields.into_iter().map(field).collect()
}

fn write_observation(seen: Observation) -> plugin_abi::Observation {
    fn text(value: Option<String>) -> RString {
        value.map(RString::from).unwrap_or_default()
    }
    let has_return = seen.ret.is_some();
    let ret = seen.ret.unwrap_or_default();
    plugin_abi::Observation {
        order: seen.order.into(),
        item: text(seen.item),
        sku: text(seen.sku),
        quantity: seen.quantity.map_or(NO_QUANTITY, i64::from),
        status: seen.status.map_or(0, Status::code),
        raw: seen.raw.into(),
        at_ms: seen.at.unwrap_or(NO_TIME),
        shipped_by: match seen.shipped_by {
            None => 0,
            Some(ShippedBy::Channel) => 1,
            Some(ShippedBy::Seller) => 2,
        },
        package: text(seen.package),
        awb: text(seen.awb),
        courier: text(seen.courier),
        invoice: text(seen.invoice),
        has_return,
        return_id: text(ret.id),
        return_kind: match ret.kind {
            None => 0,
            Some(ReturnKind::Rto) => 1,
            Some(ReturnKind::Cir) => 2,
        },
        return_reason: text(ret.reason),
        return_awb: text(ret.awb),
        return_courier: text(ret.courier),
        ext: RVec::new(),
    }
}

/// An observation that has crossed. A status code that this version does not know is [`Status::Unmapped`].
pub fn observation(seen: &plugin_abi::Observation) -> Observation {
    fn text(value: &RString) -> Option<String> {
        (!value.is_empty()).then(|| value.as_str().to_owned())
    }
    Observation {
        order: seen.order.as_str().to_owned(),
        item: text(&seen.item),
        sku: text(&seen.sku),
        quantity: u32::try_from(seen.quantity).ok(),
        status: (seen.status != 0).then(|| Status::from_code(seen.status).unwrap_or(Status::Unmapped)),
        raw: seen.raw.as_str().to_owned(),
        at: (seen.at_ms != NO_TIME).then_some(seen.at_ms),
        shipped_by: match seen.shipped_by {
            1 => Some(ShippedBy::Channel),
            2 => Some(ShippedBy::Seller),
            _ => None,
        },
        package: text(&seen.package),
        awb: text(&seen.awb),
        courier: text(&seen.courier),
        invoice: text(&seen.invoice),
        ret: seen.has_return.then(|| ReturnFact {
            id: text(&seen.return_id),
            kind: match seen.return_kind {
                1 => Some(ReturnKind::Rto),
                2 => Some(ReturnKind::Cir),
                _ => None,
            },
            reason: text(&seen.return_reason),
            awb: text(&seen.return_awb),
            courier: text(&seen.return_courier),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Observation {
        Observation {
            order: "OD1".into(),
            item: Some("111".into()),
            sku: Some("A".into()),
            quantity: Some(0),
            status: Some(Status::Delivered),
            raw: "DELIVERED".into(),
            at: Some(0),
            shipped_by: Some(ShippedBy::Seller),
            package: Some("P1".into()),
            awb: Some("EK1".into()),
            courier: Some("E-Kart".into()),
            invoice: Some("INV/1".into()),
            ret: Some(ReturnFact {
                id: Some("R1".into()),
                kind: Some(ReturnKind::Cir),
                reason: Some("too small".into()),
                awb: Some("EK2".into()),
                courier: Some("Delhivery".into()),
            }),
        }
    }

    /// A connector that fails wherever the library's own functions run author code.
    struct Fails;

    #[derive(serde::Deserialize)]
    #[serde(from = "bool")]
    struct PanicsWhenRead;

    impl From<bool> for PanicsWhenRead {
        fn from(_: bool) -> Self {
            panic!("cannot be read")
        }
    }

    impl Connector for Fails {
        type Settings = PanicsWhenRead;
        fn descriptor() -> Descriptor {
            panic!("no idea who I am")
        }
        fn new(_: PanicsWhenRead) -> crate::Result<Self> {
            Ok(Fails)
        }
        async fn pull(&self, _: &crate::Cx, _: crate::Pull) -> crate::Result<crate::Mark> {
            Ok(crate::Mark::default())
        }
    }

    impl Exported for Fails {
        const VERSION: &'static str = "1.2.3";

        fn manifest() -> &'static [u8] {
            b""
        }
    }

    fn refused<T>(result: RResult<T, Fault>) -> Error {
        match result {
            ROk(_) => panic!("it should have failed"),
            RResult::RErr(fault) => error(fault),
        }
    }

    #[test]
    fn a_panic_in_an_exported_function_is_its_error() {
        let described = refused(describe::<Fails>());
        assert_eq!(described.message, "the connector panicked: no idea who I am");
        let opened = refused(open::<Fails>(r#"{"now":0,"settings":true,"work":"check"}"#.into()));
        assert_eq!(
            (opened.kind, opened.message.as_str()),
            (ErrorKind::PluginFault, "the connector panicked: cannot be read")
        );
    }

    #[test]
    fn a_job_of_a_kind_that_this_version_does_not_know_is_unsupported() {
        let opened = refused(open::<Fails>(r#"{"now":0,"settings":true,"work":"audit"}"#.into()));
        assert_eq!(opened.kind, ErrorKind::Unsupported);
        assert!(opened.message.starts_with("this connector does not understand the host's job"), "{opened}");
    }

    #[test]
    fn every_field_of_an_observation_crosses() {
        assert_eq!(observation(&write_observation(full())), full());
        let bare = Observation::new("OD1", None, "");
        assert_eq!(observation(&write_observation(bare.clone())), bare);
        // An empty return is a return all the same.
        let with_return = Observation { ret: Some(ReturnFact::default()), ..bare };
        assert_eq!(observation(&write_observation(with_return.clone())), with_return);
    }

    #[test]
    fn a_status_that_this_version_does_not_know_is_unmapped_and_keeps_its_text() {
        let newer = plugin_abi::Observation { status: 4711, ..write_observation(full()) };
        let seen = observation(&newer);
        assert_eq!((seen.status, seen.raw.as_str()), (Some(Status::Unmapped), "DELIVERED"));
    }

    #[test]
    fn errors_cross_in_both_directions() {
        let plain = Error::auth("refused").during("orders");
        let advised =
            Error::new(ErrorKind::RateLimited, "slow down").retry_after(Duration::from_millis(1500));
        for crossing in [plain, advised] {
            assert_eq!(error(fault(&crossing)), crossing);
        }
        let newer = Fault { kind: 4711, ..fault(&Error::auth("x")) };
        assert_eq!(error(newer).kind, ErrorKind::PluginFault);
    }

    #[test]
    fn a_request_keeps_its_references_and_its_order() {
        let request = Request::post("token", "https://api.example.com/token")
            .basic_auth("client_id", "client_secret")
            .header("x-token", crate::account_token())
            .query("page", 2)
            .form("password", crate::secret("password"))
            .json_field("/session", crate::token_part("session"));
        let crossed = write_request(request);
        let fields = |fields: &RVec<Field>| -> Vec<(String, u16, String)> {
            fields
                .iter()
                .map(|field| (field.name.to_string(), field.source, field.value.to_string()))
                .collect()
        };
        assert_eq!((crossed.method.as_str(), crossed.operation.as_str()), ("POST", "token"));
        assert_eq!(
            fields(&crossed.headers),
            [
                ("authorization".into(), source::BASIC, "client_id:client_secret".into()),
                ("x-token".into(), source::TOKEN, String::new()),
            ]
        );
        assert_eq!(fields(&crossed.query), [("page".into(), source::TEXT, "2".into())]);
        assert_eq!(fields(&crossed.form), [("password".into(), source::SECRET, "password".into())]);
        assert_eq!(fields(&crossed.json), [("/session".into(), source::TOKEN_PART, "session".into())]);
    }

    #[test]
    fn a_wait_longer_than_the_record_can_say_is_the_longest_it_can() {
        let ask = write_ask(3, Question::Sleep(Duration::MAX));
        assert_eq!((ask.id, ask.op, ask.millis), (3, op::SLEEP, u64::MAX));
    }
}
