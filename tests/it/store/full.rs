//! A disk without room. Needs a small file system of its own, so it runs only where this process may mount one.

use std::path::Path;
use std::process::Command;

use longhand::name::RunId;
use longhand::store::{Durability, Store, StoreError};

/// A file system of four mebibytes, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m,mode=700", "longhand-test"])
            .arg(disk.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then_some(disk)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).output().ok();
    }
}

#[test]
fn a_full_disk_is_said_and_what_was_acked_stays_and_can_go_on() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a full disk is not tried, because this process may not mount a file system");
        return;
    };
    let store = Store::open(disk.path()).unwrap();
    let ballast = disk.path().join("ballast");
    for (name, size) in [("small", 900), ("large", 30_000)] {
        let run: RunId = name.parse().unwrap();
        std::fs::write(&ballast, vec![1; 1 << 20]).unwrap();
        let journal = store.create_run(&run, Durability::Kill).unwrap();
        // Hexadecimal digits of hashes do not compress below half.
        let text = |seq: u64| {
            let hashes =
                (0..).map(|part| longhand::ContentHash::of(format!("{seq} {part}").as_bytes()).to_string());
            hashes.take(size / 64).collect::<String>()
        };
        let mut acked = 0;
        let error = loop {
            match journal.append(&text(acked)) {
                Ok(seq) => acked = seq + 1,
                Err(error) => break error,
            }
            assert!(acked < 10_000, "the disk never fills up");
        };
        assert!(matches!(error, StoreError::DiskFull { .. }), "{name}: {error:?}");
        let message = error.to_string().replace(&disk.path().display().to_string(), "DISK");
        assert!(message.starts_with("no space is left to write `DISK/runs/"), "{message}");
        drop(journal);
        let reader = store.read_run(&run).unwrap();
        let read: Vec<(u64, String)> = reader.entries().collect::<Result<_, _>>().unwrap();
        assert!(read.len() as u64 >= acked, "{name}: {acked} acked, {} read", read.len());
        assert!(read.iter().all(|(seq, found)| *found == text(*seq)), "{name}");

        std::fs::remove_file(&ballast).unwrap();
        let journal = store.open_run(&run, Durability::Kill).unwrap();
        let seq = journal.append(&"there is room again").unwrap();
        assert_eq!(
            journal.entries::<String>().last().unwrap().unwrap(),
            (seq, "there is room again".to_owned())
        );
        assert!(journal.entries::<String>().count() as u64 > acked);
        drop(journal);
        store.remove(&run).unwrap();
    }
}
