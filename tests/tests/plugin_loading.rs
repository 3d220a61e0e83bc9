use kit::built_plugins::{Surface, library, newer_host};
#[test]
fn builds() {
    for (s, f) in [(Surface::Current, "faults"), (Surface::Current, "faults_newer"), (Surface::Current, "garbage"), (Surface::Current, "no_entry"), (Surface::NewerMinor, "faults"), (Surface::OtherLayout, "faults"), (Surface::NewerMajor, "faults")] {
        let t = std::time::Instant::now();
        eprintln!("{:?} {:?}", library(s, f), t.elapsed());
    }
    eprintln!("{:?}", newer_host());
}
