//! The plugin boundary: every record and function that crosses from the host into a connector library and back.
//!
//! This crate is the only place that names `abi_stable`. It owns layouts and nothing else: no conversion, no loading,
//! no meaning. `plugin-api` turns these records into the plain types that authors see, the host's loader checks them.
//!
//! # Growth
//!
//! The version of this package is the version of the boundary, and it started at 1.0.0 on purpose: below 1.0 every
//! minor version would count as another ABI.
//!
//! - **Major** (connectors are rebuilt): any change to a record, to a signature, or to the order of what is here.
//! - **Minor** (old connectors load in new hosts, and new ones in old hosts): only at the ends. A function after the
//!   last of [`ConnectorModule`] or [`HostFns`], a method with a default body after the last of [`Pull`], a number in
//!   [`op`], a key in an `ext` list, a member in one of the JSON documents. `last_prefix_field` never moves.
//! - Records passed by value never grow. What comes later travels in `ext`.
//! - Statuses, fault kinds and operations cross as `u16`, so that a new one is a number and not a new layout.
#![expect(non_local_definitions, non_camel_case_types, reason = "abi_stable's derives write both")]
#![expect(missing_docs, reason = "the fields are documented where authors see them, in plugin-api")]
#![expect(unsafe_code, reason = "abi_stable's derives write it; this crate is where it is allowed")]
#![expect(clippy::pedantic, reason = "abi_stable's derives are not pedantic")]

pub use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::{AbiInstability, AbiInstabilityErrors, check_layout_compatibility},
    library::{
        __call_root_module_loader as call_root_module_loader, AbiHeader, AbiHeaderRef, CheckTypeLayout,
        LibHeader, LibraryError, RootModule, RootModuleResult,
    },
    sabi_trait::TD_Opaque,
    std_types::{RBox, RNone, ROk, ROption, RResult, RSome, RStr, RString, RVec, Tuple2},
    type_layout::TLFieldOrFunction,
};

use abi_stable::{package_version_strings, sabi_trait, sabi_types::VersionStrings};

/// The symbol under which a connector library exports its [`LibHeader`].
///
/// abi_stable computes the same name; the assertion below holds the two together, so that connectors can export the
/// symbol without depending on abi_stable themselves.
pub const ROOT_SYMBOL: &str = "_1as_0lib_1header_0root_bmodule_bloader";

const _: () = {
    let (ours, theirs) = (ROOT_SYMBOL.as_bytes(), abi_stable::library::ROOT_MODULE_LOADER_NAME.as_bytes());
    assert!(ours.len() == theirs.len(), "abi_stable changed its export name");
    let mut at = 0;
    while at < ours.len() {
        assert!(ours[at] == theirs[at], "abi_stable changed its export name");
        at += 1;
    }
};

/// The version of this boundary, as `major.minor.patch`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Name and value, in that order.
pub type Pairs = RVec<Tuple2<RString, RString>>;

/// "No time was given" in a field that carries milliseconds since 1970, UTC.
pub const NO_TIME: i64 = i64::MIN;
/// "No quantity was given" in [`Observation::quantity`].
pub const NO_QUANTITY: i64 = -1;

/// What an [`Ask`] wants from the host.
pub mod op {
    /// Send [`super::Ask::request`] and answer with the reply.
    pub const HTTP: u16 = 1;
    /// Answer after [`super::Ask::millis`].
    pub const SLEEP: u16 = 2;
    /// Throw the account token away, log in again, then answer.
    pub const RELOGIN: u16 = 3;
}

/// Where the value of a [`Field`] comes from.
pub mod source {
    /// [`super::Field::value`] itself.
    pub const TEXT: u16 = 0;
    /// The channel's secret named by [`super::Field::value`].
    pub const SECRET: u16 = 1;
    /// The account token.
    pub const TOKEN: u16 = 2;
    /// The part of the account token named by [`super::Field::value`].
    pub const TOKEN_PART: u16 = 3;
    /// HTTP Basic of two secrets, named `user:password` in [`super::Field::value`].
    pub const BASIC: u16 = 4;
}

/// How the host writes a filled-in value.
pub mod encoding {
    /// As it is.
    pub const PLAIN: u16 = 0;
    /// Lower-case hexadecimal MD5 of it.
    pub const MD5_HEX: u16 = 1;
}

/// One fact about one order. Empty text means "not given"; of `order` and `item` one at least is given.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Observation {
    pub order: RString,
    pub item: RString,
    pub sku: RString,
    pub quantity: i64,
    pub status: u16,
    pub raw: RString,
    pub at_ms: i64,
    pub shipped_by: u16,
    pub package: RString,
    pub awb: RString,
    pub courier: RString,
    pub invoice: RString,
    pub has_return: bool,
    pub return_id: RString,
    pub return_kind: u16,
    pub return_reason: RString,
    pub return_awb: RString,
    pub return_courier: RString,
    pub ext: Pairs,
}

/// A named value of a request that the host may have to fill in.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Field {
    pub name: RString,
    pub source: u16,
    pub value: RString,
    pub prefix: RString,
    pub encoding: u16,
}

/// A request that the host sends for the connector.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Request {
    pub operation: RString,
    pub method: RString,
    pub url: RString,
    pub headers: RVec<Field>,
    pub query: RVec<Field>,
    pub form: RVec<Field>,
    pub json: RVec<Field>,
    pub body: RVec<u8>,
    pub ext: Pairs,
}

/// The reply to a [`Request`], after the host's retries.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Pairs,
    pub body: RVec<u8>,
    pub ext: Pairs,
}

/// A failure, in either direction. `retry_after_ms` 0 means "no advice".
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Fault {
    pub kind: u16,
    pub retry_after_ms: u64,
    pub operation: RString,
    pub message: RString,
    pub ext: Pairs,
}

/// Something the connector waits for.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Ask {
    pub id: u64,
    pub op: u16,
    pub millis: u64,
    pub request: ROption<Request>,
}

/// The host's answer to the [`Ask`] of the same id.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Answer {
    pub id: u64,
    pub result: RResult<ROption<Reply>, Fault>,
}

/// What one step produced. `mark` and the end value are JSON documents.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct Step {
    pub asks: RVec<Ask>,
    pub observations: RVec<Observation>,
    pub mark: ROption<RString>,
    pub end: ROption<RResult<RString, Fault>>,
}

/// A job under way inside the connector. Dropping it cancels the job.
#[sabi_trait]
pub trait Pull: Send {
    /// Hands over answers and runs until the connector waits again or has ended.
    #[sabi(last_prefix_field)]
    fn step(&mut self, answers: RVec<Answer>) -> Step;
}

/// A [`Pull`] as it crosses the boundary.
pub type PullBox = Pull_TO<'static, RBox<()>>;

/// What the host offers to a connector besides answering its asks.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostFns_Ref, prefix_fields = HostFns_Prefix)))]
pub struct HostFns {
    /// The most detailed log level wanted: 0 none, 1 error … 5 trace.
    pub max_level: extern "C" fn() -> u8,
    /// Takes a log line: level, target, text.
    #[sabi(last_prefix_field)]
    pub log: extern "C" fn(u8, RStr<'_>, RStr<'_>),
}

/// What a connector library exports.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ConnectorModule_Ref, prefix_fields = ConnectorModule_Prefix)))]
pub struct ConnectorModule {
    /// Called once after loading, before anything else.
    pub init: extern "C" fn(HostFns_Ref) -> RResult<(), Fault>,
    /// The descriptor, as JSON.
    pub describe: extern "C" fn() -> RResult<RString, Fault>,
    /// Starts a job, given as JSON.
    #[sabi(last_prefix_field)]
    pub open: extern "C" fn(RStr<'_>) -> RResult<PullBox, Fault>,
}

impl RootModule for ConnectorModule_Ref {
    abi_stable::declare_root_module_statics! {ConnectorModule_Ref}
    const BASE_NAME: &'static str = "connector";
    const NAME: &'static str = "connector";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// Turns a module into the reference that crosses; it lives as long as the process.
pub fn prefix_leak(module: ConnectorModule) -> ConnectorModule_Ref {
    use abi_stable::prefix_type::PrefixTypeTrait;
    module.leak_into_prefix()
}

/// The same for the host's functions.
pub fn host_leak(fns: HostFns) -> HostFns_Ref {
    use abi_stable::prefix_type::PrefixTypeTrait;
    fns.leak_into_prefix()
}
