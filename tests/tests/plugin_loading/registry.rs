//! Which file serves which id.

use std::{fs, sync::Arc, thread};

use kit::built_plugins::Surface;
use statusync::plugins::{Connector, Registry};

use crate::shop::{LONG, Outer, Shop, built, bytes, job, run};

/// The same connector in the same version, with other bytes: what stands behind a library's end is not mapped.
fn same_id() -> Vec<u8> {
    let mut bytes = bytes(Surface::Current, "faults");
    bytes.extend(b"something else");
    bytes
}

fn versions(registry: &Registry) -> Vec<String> {
    registry.list().iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_content_is_loaded_once_wherever_it_lies() {
    let shop = Shop::new();
    let registry = Registry::new(shop.store());
    let content = bytes(Surface::Current, "faults");
    let first = registry.add_file(&shop.put("liba.so", &content)).expect("sound");
    let again = registry.add_file(&shop.put("liba.so", &content)).expect("the same file");
    let copy = registry.add_file(&shop.put("libb.so", &content)).expect("a copy of it");
    assert!(Arc::ptr_eq(&first, &again) && Arc::ptr_eq(&first, &copy));
    assert_eq!(fs::read_dir(shop.store()).expect("the store").count(), 1);
}

#[test]
fn the_same_version_with_other_content_is_refused_and_both_files_are_named() {
    let shop = Shop::new();
    let registry = Registry::new(shop.store());
    let one = shop.put("libfaults.so", &bytes(Surface::Current, "faults"));
    let two = shop.put("libfork.so", &same_id());
    let served = registry.add_file(&one).expect("the first");
    let error = registry.add_file(&two).expect_err("the second").sentence();
    let expected = format!(
        "{} is not taken: connector `faults` 0.1.0 is served by {} with other content; \
         remove one of the two files or raise the version of one",
        two.display(),
        one.display()
    );
    assert_eq!(error, expected);
    assert_eq!(registry.refusals().iter().map(|refusal| &refusal.sentence).collect::<Vec<_>>(), [&expected]);
    assert!(Arc::ptr_eq(&registry.get("faults").expect("still served"), &served));
    // It would run well by itself.
    shop.load(&two);
}

#[test]
fn an_older_version_is_refused_and_a_newer_one_serves_from_then_on() {
    let shop = Shop::new();
    let (older, newer) = (built(Surface::Current, "faults"), built(Surface::Current, "faults_newer"));
    let registry = Registry::new(shop.store());
    let kept = registry.add_file(&older).expect("the older");
    registry.add_file(&newer).expect("the newer");
    assert_eq!(versions(&registry), ["connector `faults` 0.2.0"]);
    assert_eq!(kept.version.to_string(), "0.1.0");

    let error = registry.add_file(&older).expect_err("older").sentence();
    assert!(error.contains("it is connector `faults` 0.1.0, and the newer 0.2.0 is served by"), "{error}");
    assert!(
        error.contains(&older.display().to_string()) && error.contains(&newer.display().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn a_run_of_the_older_version_goes_on_while_the_newer_one_serves() {
    let shop = Shop::new();
    let registry = Registry::new(shop.store());
    let older = registry.add_file(&built(Surface::Current, "faults")).expect("the older");
    let (outer, job) = (Outer::default(), job("join two", 0));
    let mut running = older.open(&job).expect("started");
    registry.add_file(&built(Surface::Current, "faults_newer")).expect("the newer");
    assert_eq!(running.step(Vec::new()).asks.len(), 2);
    let newer = registry.get("faults").expect("served");
    assert_eq!(newer.version.to_string(), "0.2.0");
    for connector in [&older, &newer] {
        let ran = run(connector, &job, &outer, LONG).await;
        assert_eq!(ran.end.as_deref(), Ok(r#"{"text":"re a re b","complete_until":null}"#));
    }
}

#[tokio::test]
async fn a_file_that_is_overwritten_in_place_while_loaded_does_no_harm() {
    let shop = Shop::new();
    let path = shop.put("libfaults.so", &bytes(Surface::Current, "faults"));
    let registry = Registry::new(shop.store());
    let connector = registry.add_file(&path).expect("sound");
    fs::write(&path, vec![0; 1000]).expect("overwritten in place");
    let ran = run(&connector, &job("one page", 0), &Outer::default(), LONG).await;
    assert_eq!(ran.orders(), ["O1", "re 1"]);
    fs::remove_file(&path).expect("removed");
    let ran = run(&connector, &job("one page", 0), &Outer::default(), LONG).await;
    assert_eq!(ran.orders(), ["O1", "re 1"]);
}

#[test]
fn a_file_replaced_by_a_newer_version_under_its_name_is_the_newer_version() {
    let shop = Shop::new();
    let registry = Registry::new(shop.store());
    registry.add_file(&shop.put("libfaults.so", &bytes(Surface::Current, "faults"))).expect("the older");
    registry
        .add_file(&shop.put("libfaults.so", &bytes(Surface::Current, "faults_newer")))
        .expect("the newer");
    assert_eq!(versions(&registry), ["connector `faults` 0.2.0"]);
}

#[test]
fn a_scan_takes_what_is_new_reports_what_is_broken_and_passes_over_the_rest() {
    let shop = Shop::new();
    let faults = bytes(Surface::Current, "faults");
    let no_section =
        crate::shop::patched(&bytes(Surface::Current, "no_entry"), ".connector\0", ".something\0");
    shop.put("README.md", b"not a library");
    shop.put("libplain.so", &no_section);
    shop.put("libfaults.so", &faults);
    let broken = shop.put("libhalf.so", &faults[..faults.len() / 2]);
    let folders = [shop.plugins(), shop.plugins().join("missing")];
    let registry = Registry::new(shop.store());

    let taken = registry.scan(&folders);
    assert_eq!(taken.iter().map(ToString::to_string).collect::<Vec<_>>(), ["connector `faults` 0.1.0"]);
    let refused: Vec<_> = registry.refusals().into_iter().map(|refusal| refusal.path).collect();
    assert_eq!(refused, [broken.clone(), folders[1].clone()]);

    assert!(registry.scan(&folders).is_empty(), "nothing has changed");
    assert_eq!(registry.refusals().len(), 2);

    // The copy that was under way is finished, the second folder is made, and a connector is added.
    shop.put("libhalf.so", &faults);
    fs::create_dir(&folders[1]).expect("a folder");
    shop.put("libgarbage.so", &bytes(Surface::Current, "garbage"));
    let taken = registry.scan(&folders);
    assert_eq!(taken.iter().map(ToString::to_string).collect::<Vec<_>>(), ["connector `garbage` 0.1.0"]);
    assert_eq!(registry.refusals(), []);
    assert_eq!(versions(&registry), ["connector `faults` 0.1.0", "connector `garbage` 0.1.0"]);

    // A broken file that is taken away is no longer reported; a connector whose file is gone serves no new runs, and those
    // that have it keep it.
    let kept = registry.get("faults").expect("it serves");
    shop.put("libhalf.so", b"text");
    registry.scan(&folders);
    assert_eq!(registry.refusals().len(), 1);
    fs::remove_file(&broken).expect("removed");
    fs::remove_file(shop.plugins().join("libfaults.so")).expect("removed");
    registry.scan(&folders);
    assert_eq!(registry.refusals(), []);
    assert!(registry.get("faults").is_none());
    assert_eq!(kept.descriptor.id, "faults");
    shop.put("libfaults.so", &bytes(Surface::Current, "faults"));
    assert_eq!(registry.scan(&folders).len(), 1, "it is taken again when it is back");
}

#[test]
fn eight_loads_in_eight_threads_go_well() {
    let shop = Shop::new();
    let files = [built(Surface::Current, "faults"), built(Surface::Current, "garbage")];
    let threads: Vec<_> = (0..8)
        .map(|n| (files[n % 2].clone(), shop.store()))
        .map(|(file, store)| {
            thread::spawn(move || Connector::load(&file, &store).map(|one| one.descriptor.id))
        })
        .collect();
    let mut ids: Vec<String> =
        threads.into_iter().map(|one| one.join().expect("no panic").expect("loaded")).collect();
    ids.sort();
    assert_eq!(ids, ["faults", "faults", "faults", "faults", "garbage", "garbage", "garbage", "garbage"]);
    assert_eq!(fs::read_dir(shop.store()).expect("the store").count(), 2, "no part of a copy is left over");
}

#[test]
fn a_registry_that_is_asked_from_eight_threads_loads_a_file_once() {
    let shop = Shop::new();
    let registry = Arc::new(Registry::new(shop.store()));
    let file = built(Surface::Current, "faults");
    let threads: Vec<_> = (0..8)
        .map(|_| (Arc::clone(&registry), file.clone()))
        .map(|(registry, file)| thread::spawn(move || registry.add_file(&file).expect("sound")))
        .collect();
    let all: Vec<Arc<Connector>> = threads.into_iter().map(|one| one.join().expect("no panic")).collect();
    assert!(all.iter().all(|one| Arc::ptr_eq(one, &all[0])));
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let shop = Shop::new();
    let store = shop.put("store-is-a-file", b"");
    let file = built(Surface::Current, "faults");
    let error = Connector::load(&file, &store).expect_err("no store").sentence();
    assert!(
        error.contains(&file.display().to_string()) && error.contains(&store.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_scan_tries_a_file_again_that_could_only_not_be_copied() {
    let shop = Shop::new();
    shop.put("libfaults.so", &bytes(Surface::Current, "faults"));
    fs::write(shop.store(), b"in the way").expect("written");
    let registry = Registry::new(shop.store());
    assert!(registry.scan(&[shop.plugins()]).is_empty());
    assert_eq!(registry.refusals().len(), 1);
    fs::remove_file(shop.store()).expect("removed");
    assert_eq!(registry.scan(&[shop.plugins()]).len(), 1);
    assert_eq!(registry.refusals(), []);
}

#[test]
fn a_copy_in_the_store_that_was_damaged_is_written_anew() {
    let shop = Shop::new();
    let file = built(Surface::Current, "faults");
    let sha256 = statusync::plugins::preflight(&file).expect("sound").sha256;
    fs::create_dir_all(shop.store()).expect("a folder");
    let copy = shop.store().join(format!("{sha256}.so"));
    fs::write(&copy, b"half a").expect("written");
    shop.load(&file);
    assert_eq!(fs::read(copy).expect("the copy"), fs::read(file).expect("the file"));
}
