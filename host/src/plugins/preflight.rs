//! Looks at a file before any of it is mapped or run.
//!
//! The system's loader trusts what it maps: a file that is cut short ends the process with SIGBUS, and a library's
//! constructors run before anyone can ask what it is. So the file is read as bytes, every part that would be mapped is
//! compared with its length, and name, version and ABI are taken from its `.connector` section.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use object::{
    Endianness, Object, ObjectSection, ObjectSymbol,
    elf::{self, FileHeader64},
    read::elf::{ElfFile64, FileHeader, ProgramHeader, SectionHeader},
};
use sha2::{Digest, Sha256};

use super::error::LoadError;

#[cfg(target_arch = "x86_64")]
const MACHINE: (elf::Machine, &str) = (elf::EM_X86_64, "x86-64");
#[cfg(target_arch = "aarch64")]
const MACHINE: (elf::Machine, &str) = (elf::EM_AARCH64, "aarch64");

/// The files that hold a connector are well below this; a larger one is not read.
const BYTES_MAX: u64 = 256 << 20;

/// A file that may be loaded: a whole library for this machine that says which connector it is.
#[derive(Debug)]
pub struct Preflight {
    /// Where it was read.
    pub path: PathBuf,
    /// The connector's id, as its section says.
    pub id: String,
    /// The connector's version, as its section says.
    pub version: semver::Version,
    /// The version of plugin-abi that it was built with, as its section says.
    pub abi: semver::Version,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
    /// The names that the library exports, in their order in the file.
    pub exports: Vec<String>,
    pub(super) bytes: Vec<u8>,
}

impl Preflight {
    /// The same without the file's content.
    pub(super) fn without_bytes(&self) -> Preflight {
        Preflight {
            path: self.path.clone(),
            id: self.id.clone(),
            version: self.version.clone(),
            abi: self.abi.clone(),
            sha256: self.sha256.clone(),
            exports: Vec::new(),
            bytes: Vec::new(),
        }
    }
}

/// The version of the boundary that this host speaks.
pub(super) fn host_abi() -> semver::Version {
    semver::Version::parse(plugin_abi::VERSION).unwrap_or_else(|_| semver::Version::new(0, 0, 0))
}

/// Reads a file and says whether it may be loaded. Nothing of it is mapped or run.
///
/// # Errors
/// A sentence that names the file: it cannot be read, is empty, no ELF library, built for another machine, cut short,
/// no connector, or built for another major version of the boundary.
pub fn preflight(path: &Path) -> Result<Preflight, LoadError> {
    let bytes = read(path)?;
    let parts = parts(&bytes).map_err(|problem| match problem {
        Some(problem) => LoadError::not_a_library(path, problem),
        None => LoadError::NotAConnector { path: path.to_owned() },
    })?;
    let (id, version, abi) = section(&parts.section).ok_or_else(|| {
        LoadError::not_a_library(
            path,
            "has a `.connector` section that does not name connector, version and abi: rebuild it with plugin-api's \
             export_connector!",
        )
    })?;
    let ours = host_abi();
    if abi.major != ours.major {
        return Err(LoadError::OtherAbi { path: path.to_owned(), theirs: abi, ours });
    }
    if !parts.has_entry {
        return Err(LoadError::not_a_library(
            path,
            "calls itself a connector and does not export a connector's entry: call export_connector! at the root of the \
             crate and build it as a cdylib",
        ));
    }
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok(Preflight { path: path.to_owned(), id, version, abi, sha256, exports: parts.exports, bytes })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(LoadError::not_a_library(path, "is not a file: name the connector's .so file"));
    }
    if metadata.len() > BYTES_MAX {
        return Err(LoadError::not_a_library(
            path,
            format!("is larger than {} MiB: no connector is", BYTES_MAX >> 20),
        ));
    }
    fs::read(path).map_err(unreadable)
}

struct Parts {
    section: Vec<u8>,
    exports: Vec<String>,
    has_entry: bool,
}

/// The parts of a whole library; `Err(None)` if it is one and has no `.connector` section.
fn parts(bytes: &[u8]) -> Result<Parts, Option<String>> {
    if bytes.is_empty() {
        return Err(Some("is empty: copy the connector's .so file again".into()));
    }
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(Some("is not an ELF library: a connector is a .so file, built as a cdylib".into()));
    }
    let cut = |()| Some("is truncated or not a whole ELF library: copy it again".to_owned());
    let ident = bytes.get(..size_of::<elf::Ident>()).ok_or(()).map_err(cut)?;
    let native = if cfg!(target_endian = "little") { elf::ELFDATA2LSB } else { elf::ELFDATA2MSB };
    if ident[4] != elf::ELFCLASS64.0 || ident[5] != native.0 {
        return Err(Some(other_machine("another kind of machine")));
    }
    let header = FileHeader64::<Endianness>::parse(bytes).map_err(|_| ()).map_err(cut)?;
    let endian = header.endian().map_err(|_| ()).map_err(cut)?;
    let machine = header.e_machine(endian);
    if machine != MACHINE.0 {
        return Err(Some(other_machine(&format!("machine type {}", machine.0))));
    }
    if header.e_type(endian) != elf::ET_DYN {
        return Err(Some("is an ELF file but not a library: a connector is built as a cdylib".into()));
    }
    let file = ElfFile64::<Endianness>::parse(bytes).map_err(|_| ()).map_err(cut)?;
    if !is_whole(bytes.len() as u64, &file) {
        return Err(cut(()));
    }
    let section = file.section_by_name(".connector").ok_or(None)?;
    let section = section.data().map_err(|_| ()).map_err(cut)?.to_vec();
    let entry = |symbol: &object::read::elf::ElfSymbol64<'_, '_>| {
        symbol.name() == Ok(plugin_abi::ROOT_SYMBOL)
            && symbol.size() >= size_of::<plugin_abi::LibHeader>() as u64
    };
    let exported = || file.dynamic_symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
    Ok(Parts {
        section,
        has_entry: exported().any(|symbol| entry(&symbol)),
        exports: exported().filter_map(|symbol| symbol.name().ok().map(str::to_owned)).collect(),
    })
}

fn other_machine(theirs: &str) -> String {
    format!(
        "is built for {theirs}, this host runs on {}: build the connector for this host's target",
        MACHINE.1
    )
}

/// Whether everything that the loader would map, and every section, lies within the file.
fn is_whole(length: u64, file: &ElfFile64<'_, Endianness>) -> bool {
    let endian = file.endian();
    let fits = |offset: u64, size: u64| offset.checked_add(size).is_some_and(|end| end <= length);
    let mut segments =
        file.elf_program_headers().iter().filter(|part| part.p_type(endian) == elf::PT_LOAD).peekable();
    segments.peek().is_some()
        && segments.all(|part| fits(part.p_offset(endian), part.p_filesz(endian)))
        && file
            .elf_section_table()
            .iter()
            .filter(|part| part.sh_type(endian) != elf::SHT_NOBITS && part.sh_type(endian) != elf::SHT_NULL)
            .all(|part| fits(part.sh_offset(endian), part.sh_size(endian)))
}

/// Reads `connector=…`, `version=…` and `abi=…` of a section.
fn section(bytes: &[u8]) -> Option<(String, semver::Version, semver::Version)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let version = |key| semver::Version::parse(value(key)?).ok();
    let id = value("connector").filter(|id| !id.is_empty())?;
    Some((id.to_owned(), version("version")?, version("abi")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_names_connector_version_and_abi() {
        let (id, version, abi) =
            section(b"connector=tata-cliq\nversion=0.3.1\nabi=1.2.0\n").expect("complete");
        assert_eq!(
            (id.as_str(), version.to_string(), abi.to_string()),
            ("tata-cliq", "0.3.1".into(), "1.2.0".into())
        );
        for broken in [
            "",
            "connector=a\nversion=1.0.0\n",
            "connector=\nversion=1.0.0\nabi=1.0.0",
            "connector=a\nversion=x\nabi=1.0.0",
        ] {
            assert_eq!(section(broken.as_bytes()), None, "{broken}");
        }
        assert_eq!(section(b"\xff\xfe"), None);
    }

    #[test]
    fn this_host_s_own_abi_is_a_version() {
        assert_eq!(host_abi().to_string(), plugin_abi::VERSION);
        assert!(host_abi().major >= 1);
    }
}
