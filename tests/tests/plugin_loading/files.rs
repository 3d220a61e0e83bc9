//! Files that are not what they should be. Each is refused with a sentence that names it; nothing of it is mapped.

use std::path::Path;

use kit::built_plugins::Surface;
use plugin_api::Descriptor;
use statusync::plugins::{check, preflight};

use crate::shop::{Shop, built, bytes, patched};

/// The refusal of a file, without its path.
fn refusal(path: &Path) -> String {
    let sentence = preflight(path).expect_err("it should be refused").sentence();
    let name = path.display().to_string();
    sentence
        .strip_prefix(&name)
        .unwrap_or_else(|| panic!("{sentence:?} does not begin with {name}"))
        .trim()
        .to_owned()
}

#[test]
fn a_sound_file_says_which_connector_it_is_before_it_is_mapped() {
    let file = preflight(&built(Surface::Current, "faults")).expect("it is sound");
    assert_eq!((file.id.as_str(), file.version.to_string().as_str()), ("faults", "0.1.0"));
    assert_eq!(file.abi.to_string(), plugin_abi::VERSION);
    assert_eq!(file.exports, [plugin_abi::ROOT_SYMBOL]);
    assert_eq!(file.sha256.len(), 64);
}

#[test]
fn files_that_are_no_libraries_are_refused() {
    let shop = Shop::new();
    let missing = refusal(&shop.plugins().join("libmissing.so"));
    assert!(missing.starts_with("cannot be read: check that it exists"), "{missing}");
    assert!(refusal(&shop.plugins()).starts_with("is not a file"));
    assert!(refusal(&shop.put("libempty.so", b"")).starts_with("is empty"));
    assert!(refusal(&shop.put("libtext.so", b"hello, host")).starts_with("is not an ELF library"));
    assert!(refusal(&shop.put("libshort.so", b"\x7fELF")).starts_with("is truncated"));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let shop = Shop::new();
    let whole = bytes(Surface::Current, "faults");
    for percent in [1, 2, 5, 10, 20, 33, 50, 66, 80, 90, 95, 97, 98, 99] {
        let cut = shop.put("libcut.so", &whole[..whole.len() * percent / 100]);
        assert_eq!(refusal(&cut), "is truncated or not a whole ELF library: copy it again", "{percent} %");
    }
    let cut = shop.put("libcut.so", &whole[..whole.len() - 1]);
    assert_eq!(refusal(&cut), "is truncated or not a whole ELF library: copy it again");
}

#[test]
fn a_library_whose_mapped_part_lies_behind_its_end_is_refused() {
    let shop = Shop::new();
    let mut bytes = bytes(Surface::Current, "faults");
    // The first program header that is to be mapped: its length in the file becomes absurd.
    let headers =
        usize::try_from(u64::from_le_bytes(bytes[32..40].try_into().expect("8 bytes"))).expect("small");
    let load =
        (0..16).map(|n| headers + n * 56).find(|&at| bytes[at..at + 4] == [1, 0, 0, 0]).expect("a PT_LOAD");
    bytes[load + 32..load + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refusal(&shop.put("liblong.so", &bytes)).starts_with("is truncated"));
}

#[test]
fn a_library_for_another_machine_is_refused() {
    let shop = Shop::new();
    let sound = bytes(Surface::Current, "faults");
    let mut other_cpu = sound.clone();
    // e_machine: 0x28 is 32-bit ARM.
    other_cpu[18] = 0x28;
    let other_cpu = refusal(&shop.put("libarm.so", &other_cpu));
    assert!(other_cpu.starts_with("is built for machine type 40, this host runs on"), "{other_cpu}");
    let mut narrow = sound.clone();
    // EI_CLASS: 1 is 32-bit.
    narrow[4] = 1;
    assert!(refusal(&shop.put("libnarrow.so", &narrow)).starts_with("is built for another kind of machine"));
    let mut object = sound;
    // e_type: 1 is a relocatable object.
    object[16] = 1;
    assert!(refusal(&shop.put("libobject.so", &object)).starts_with("is an ELF file but not a library"));
}

#[test]
fn a_library_without_section_or_entry_is_no_connector() {
    let shop = Shop::new();
    let no_entry = bytes(Surface::Current, "no_entry");
    let refused = refusal(&shop.put("libno_entry.so", &no_entry));
    assert!(
        refused.starts_with("calls itself a connector and does not export a connector's entry"),
        "{refused}"
    );
    let no_section = shop.put("libplain.so", &patched(&no_entry, ".connector\0", ".something\0"));
    assert!(refusal(&no_section).starts_with("is not a connector: it has no `.connector` section"));
    let no_version = shop.put("libodd.so", &patched(&no_entry, "version=0.1.0", "version=soon!"));
    assert!(refusal(&no_version).starts_with("has a `.connector` section that does not name"));
}

#[test]
fn a_library_that_lies_about_itself_is_refused_once_it_can_be_asked() {
    let shop = Shop::new();
    let faults = bytes(Surface::Current, "faults");
    let renamed = shop.put("librenamed.so", &patched(&faults, "connector=faults\n", "connector=flauts\n"));
    let error = statusync::plugins::Connector::load(&renamed, &shop.store())
        .expect_err("another id inside")
        .sentence();
    assert!(error.contains("its id is `faults` and its package is `flauts`: name them alike"), "{error}");
    let aged = shop.put("libaged.so", &patched(&faults, "\nversion=0.1.0\n", "\nversion=0.0.9\n"));
    let error = statusync::plugins::Connector::load(&aged, &shop.store())
        .expect_err("another version inside")
        .sentence();
    assert!(error.contains("its version is 0.1.0 inside and 0.0.9 in the file's section"), "{error}");
}

#[test]
fn a_check_reports_on_every_part_of_a_file() {
    let report = check(&built(Surface::Current, "faults"));
    let lines: Vec<String> =
        report.lines.iter().map(|line| format!("{} {}: {}", line.is_ok, line.name, line.sentence)).collect();
    let names: Vec<&str> = report.lines.iter().map(|line| line.name).collect();
    assert_eq!(
        names,
        [
            "file",
            "abi",
            "size",
            "symbols",
            "loading",
            "identity",
            "capabilities",
            "operations",
            "hosts",
            "settings",
            "statuses",
            "tasks",
            "limits"
        ]
    );
    assert!(report.is_ok(), "{lines:#?}");
    assert!(lines.contains(&"true settings: 2 settings, 0 of them secret".to_owned()), "{lines:#?}");
}

#[test]
fn a_check_says_what_is_missing() {
    let report = check(&built(Surface::Current, "garbage"));
    let failed: Vec<(&str, &str)> = report
        .lines
        .iter()
        .filter(|line| !line.is_ok)
        .map(|line| (line.name, line.sentence.as_str()))
        .collect();
    assert_eq!(
        failed,
        [
            ("identity", "the way to sign in has no source"),
            ("capabilities", "there are no capabilities"),
            ("operations", "there are no operations"),
            ("statuses", "there are no statuses"),
            ("tasks", "there are no tasks: the host would never ask for anything"),
        ]
    );
    let shop = Shop::new();
    let text = check(&shop.put("libtext.so", b"text"));
    assert_eq!((text.is_ok(), text.lines.len(), text.lines[0].name), (false, 1, "file"));
}

#[test]
fn a_descriptor_crosses_whole() {
    let shop = Shop::new();
    let loaded = shop.load(&built(Surface::Current, "faults"));
    let said: &Descriptor = &loaded.descriptor;
    assert_eq!((said.id.as_str(), said.version.as_str()), ("faults", "0.1.0"));
    assert_eq!(said.statuses[0].status, Some(plugin_api::Status::Dispatched));
    assert_eq!(said.settings.len(), 2);
}
