//! Files: whole, or not there, whenever the power fails. Chapter: `docs/src/files.md`.

/// What a disk can be told, each a system call.
pub trait Disk {
    fn write(&mut self, name: &str, bytes: &[u8]);
    /// What was written under this name is on the disk when it returns.
    fn sync(&mut self, name: &str);
    fn rename(&mut self, from: &str, to: &str);
    /// The names of the directory are on the disk when it returns.
    fn sync_directory(&mut self);
}

/// Stores a file under its name, so that a reader never sees half of it and a 201 is true.
pub fn store(disk: &mut impl Disk, name: &str, bytes: &[u8]) {
    // cut: four calls; the file grows under another name, `{name}.part`
    let part = format!("{name}.part");
    disk.write(&part, bytes);
    disk.sync(&part);
    disk.rename(&part, name);
    disk.sync_directory();
    // end cut
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down what it is told.
    #[derive(Default)]
    struct Told(Vec<String>);

    impl Disk for Told {
        fn write(&mut self, name: &str, _: &[u8]) {
            self.0.push(format!("write {name}"));
        }
        fn sync(&mut self, name: &str) {
            self.0.push(format!("sync {name}"));
        }
        fn rename(&mut self, from: &str, to: &str) {
            self.0.push(format!("rename {from} {to}"));
        }
        fn sync_directory(&mut self) {
            self.0.push("sync directory".to_owned());
        }
    }

    #[test]
    fn the_content_is_on_the_disk_before_the_name_and_the_name_before_the_answer() {
        let mut disk = Told::default();
        store(&mut disk, "a", b"content");
        assert_eq!(disk.0, ["write a.part", "sync a.part", "rename a.part a", "sync directory"]);
    }
}
