//! Maps a library and takes its functions, once they are known to be laid out as this host expects.
//!
//! All of the host's unsafe code but the allocator's is here. A library is never unmapped: its thread-locals, its panic hook
//! and its strings may be referred to for as long as the process lives.

use std::{
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::OnceLock,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use plugin_abi::{
    AbiHeaderRef, AbiInstability, AbiInstabilityErrors, ConnectorModule_Ref, HostFns, HostFns_Ref, LibHeader,
    RResult, RStr, StableAbi, TLFieldOrFunction, check_layout_compatibility,
};
use plugin_api::host_side;
use tracing::level_filters::LevelFilter;

use super::{
    error::LoadError,
    preflight::{Preflight, host_abi},
};

/// How many differences of layout a sentence names.
const DIFFERENCES: usize = 3;
/// The longest log line taken from a connector, in bytes.
const LOG_BYTES: usize = 8192;

/// Maps the store's copy of a file and starts the connector in it. Runs the library's constructors and start-up code.
pub(super) fn load(file: &Preflight, copy: &Path) -> Result<ConnectorModule_Ref, LoadError> {
    let header = header(file, copy)?;
    check_version(file, header)?;
    check_layout(file, header)?;
    // SAFETY: the library's module has, by the two checks above, the layout of `ConnectorModule_Ref` or one that differs
    // from it only at the end of prefix types, whose accessors look at the length that the library wrote.
    #[expect(unsafe_code, reason = "the layout was checked in both directions")]
    let module = unsafe { header.unchecked_layout::<ConnectorModule_Ref>() };
    let failed = |reason: String| LoadError::FailedToStart { path: file.path.clone(), reason };
    let module = module.map_err(|_| failed("its root module panicked".into()))?;
    match (module.init())(host_fns()) {
        RResult::ROk(()) => Ok(module),
        RResult::RErr(fault) => Err(failed(host_side::error(fault).message)),
    }
}

fn header(file: &Preflight, copy: &Path) -> Result<&'static LibHeader, LoadError> {
    let unloadable = |reason: String| LoadError::Unloadable { path: file.path.clone(), reason };
    // SAFETY: runs the library's constructors. The file is whole, and the copy is written once and never again. That
    // its constructors do no harm is trusted: whoever may write to the plugin folder may run code as the host.
    #[expect(unsafe_code, reason = "opening a library")]
    let library = unsafe { Library::open(Some(copy), RTLD_NOW | RTLD_LOCAL) };
    let library = ManuallyDrop::new(library.map_err(|error| unloadable(cause(&error)))?);
    // SAFETY: preflight found the symbol defined with at least the size of a `LibHeader`. An `AbiHeaderRef` is a pointer
    // to the start of it, whose magic is compared by `upgrade` before more is read.
    #[expect(unsafe_code, reason = "taking a symbol")]
    let symbol = unsafe { library.get::<AbiHeaderRef>(plugin_abi::ROOT_SYMBOL) };
    let header: AbiHeaderRef = *symbol.map_err(|error| unloadable(cause(&error)))?;
    header.upgrade().map_err(|_| LoadError::OtherLayout {
        path: file.path.clone(),
        theirs: file.abi.to_string(),
        ours: host_abi(),
        differences: "its header is of another version of the boundary's foundation".into(),
    })
}

/// The loader's own words, which stand in the source.
fn cause(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// The section was believed so far; what the code was compiled with counts.
fn check_version(file: &Preflight, header: &LibHeader) -> Result<(), LoadError> {
    let ours = host_abi();
    let theirs = header.version_strings().version.as_str();
    match semver::Version::parse(theirs) {
        Ok(theirs) if theirs.major == ours.major => Ok(()),
        Ok(theirs) => Err(LoadError::OtherAbi { path: file.path.clone(), theirs, ours }),
        Err(_) => Err(LoadError::OtherLayout {
            path: file.path.clone(),
            theirs: theirs.to_owned(),
            ours,
            differences: "its version is none".into(),
        }),
    }
}

/// The check of one direction refuses what is shorter at the end. A connector may be older or newer than the host, so
/// it is enough that one of the two is a continuation of the other.
fn check_layout(file: &Preflight, header: &LibHeader) -> Result<(), LoadError> {
    let ours = <ConnectorModule_Ref as StableAbi>::LAYOUT;
    let Some(theirs) = header.layout() else {
        return Err(other_layout(file, header, "it carries no layouts".into()));
    };
    let Err(errors) = check_layout_compatibility(ours, theirs) else { return Ok(()) };
    if check_layout_compatibility(theirs, ours).is_ok() {
        return Ok(());
    }
    Err(other_layout(file, header, differences(&errors)))
}

fn other_layout(file: &Preflight, header: &LibHeader, differences: String) -> LoadError {
    let theirs = header.version_strings().version.as_str().to_owned();
    LoadError::OtherLayout { path: file.path.clone(), theirs, ours: host_abi(), differences }
}

/// The first differences, each with the record where it is. The whole report runs to hundreds of lines, most of which
/// say that whatever holds a record of another size has another size too: such lines come last.
fn differences(errors: &AbiInstabilityErrors) -> String {
    let mut all: Vec<(bool, String)> = Vec::new();
    for error in &errors.errors {
        let place = match error.stack_trace.last().map(|at| at.expected) {
            Some(TLFieldOrFunction::Field(field)) => field.layout().name(),
            Some(TLFieldOrFunction::Function(function)) => function.name.as_str(),
            None => "ConnectorModule",
        };
        for difference in &error.errs {
            let is_size = matches!(difference, AbiInstability::Size(_) | AbiInstability::Alignment(_));
            all.push((is_size, format!("{place}: {}", describe(difference))));
        }
    }
    all.sort_by_key(|(is_size, _)| *is_size);
    let shown: Vec<&str> = all.iter().take(DIFFERENCES).map(|(_, text)| text.as_str()).collect();
    match all.len() - shown.len() {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

fn describe(difference: &AbiInstability) -> String {
    match difference {
        AbiInstability::Size(v) => format!("{} bytes here, {} in the connector", v.expected, v.found),
        AbiInstability::Alignment(v) => {
            format!("aligned to {} here, to {} in the connector", v.expected, v.found)
        }
        AbiInstability::FieldCountMismatch(v) => {
            format!("{} fields here, {} in the connector", v.expected, v.found)
        }
        AbiInstability::TooManyVariants(v) => {
            format!("{} variants here, {} in the connector", v.expected, v.found)
        }
        AbiInstability::Name(v) => format!("type {} here, {} in the connector", v.expected, v.found),
        AbiInstability::UnexpectedField(v) => {
            format!("field `{}` here, `{}` in the connector", v.expected.name(), v.found.name())
        }
        AbiInstability::PackageVersion(v) => {
            format!("version {} here, {} in the connector", v.expected.version, v.found.version)
        }
        other => one_line(&format!("{other:?}")),
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(120).collect()
}

fn host_fns() -> HostFns_Ref {
    static HOST: OnceLock<HostFns_Ref> = OnceLock::new();
    *HOST.get_or_init(|| plugin_abi::host_leak(HostFns { max_level, log }))
}

extern "C" fn max_level() -> u8 {
    match LevelFilter::current() {
        LevelFilter::OFF => 0,
        LevelFilter::ERROR => 1,
        LevelFilter::WARN => 2,
        LevelFilter::INFO => 3,
        LevelFilter::DEBUG => 4,
        _ => 5,
    }
}

/// Called on the thread that runs the connector, inside the run's span.
extern "C" fn log(level: u8, target: RStr<'_>, text: RStr<'_>) {
    let line = || {
        let (from, text) = (printable(target.as_str()), printable(text.as_str()));
        match level {
            0 | 1 => tracing::error!(target: "connector", %from, "{text}"),
            2 => tracing::warn!(target: "connector", %from, "{text}"),
            3 => tracing::info!(target: "connector", %from, "{text}"),
            4 => tracing::debug!(target: "connector", %from, "{text}"),
            _ => tracing::trace!(target: "connector", %from, "{text}"),
        }
    };
    // A panic of a log writer must not cross into the connector. Its payload may panic again when dropped.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(line)) {
        std::mem::forget(payload);
    }
}

/// One line of text of a bearable length: a connector may log whatever a marketplace sent.
fn printable(text: &str) -> String {
    let cut = text.floor_char_boundary(LOG_BYTES.min(text.len()));
    text[..cut].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_cannot_forge_or_flood_log_lines() {
        assert_eq!(printable("a\nERROR b\u{1b}[0m"), "a ERROR b [0m");
        assert_eq!(printable(&"ä".repeat(LOG_BYTES)).len(), LOG_BYTES);
    }
}
