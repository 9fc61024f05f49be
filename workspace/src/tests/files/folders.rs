//! Folders as archives: what is in them, and where that ends.

use super::*;

fn entries(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn an_archive_holds_the_files_below_a_folder_and_leaves_out_what_is_denied() {
    let desk = Desk::new();
    desk.write("docs/a.txt", "a");
    desk.write("docs/deep/ü.md", "ü");
    desk.write("docs/empty.txt", "");
    for path in ["docs/.env", "docs/deep/Key.PEM", "docs/.GIT/config", "docs/.ssh/a/b", "elsewhere.txt"] {
        desk.write(path, "secret");
    }
    desk.link("a.txt", "docs/inside");
    desk.link(desk.outside(), "docs/outside");
    std::fs::create_dir(desk.path("docs/nothing in it")).unwrap();
    let wanted = entries(&[("docs/a.txt", "a"), ("docs/deep/ü.md", "ü"), ("docs/empty.txt", "")]);
    assert_eq!(desk.unzipped("docs").await, wanted);
    assert_eq!(desk.get("docs/").await.unwrap().0.name, "docs.zip");
    // Through a link the names are those of where it leads.
    desk.link("docs/deep", "short");
    assert_eq!(desk.unzipped("short").await, entries(&[("docs/deep/ü.md", "ü")]));
}

#[tokio::test]
async fn what_is_unpacked_is_as_old_as_it_was_and_can_be_run_as_before() {
    let desk = Desk::new();
    desk.write("bin/run", "x");
    let file = std::fs::File::open(desk.path("bin/run")).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_709_164_800)).unwrap();
    let (_, bytes) = desk.get("bin").await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let entry = archive.by_name("bin/run").unwrap();
    assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(0o755));
    assert_eq!(entry.last_modified().map(|date| date.to_string()).as_deref(), Some("2024-02-29 00:00:00"));
}

#[tokio::test]
async fn a_folder_with_nothing_to_send_says_so() {
    let desk = Desk::new();
    desk.write("keys/a.pem", "secret");
    std::fs::create_dir(desk.path("empty")).unwrap();
    for path in ["keys", "empty"] {
        assert_eq!(desk.get(path).await.unwrap_err(), FileError::Empty(path.to_owned()));
    }
}

#[tokio::test]
async fn an_archive_ends_at_its_limits() {
    let mut desk = Desk::new();
    for name in ["a", "b", "c"] {
        desk.write(&format!("few/{name}"), name);
    }
    desk.rules.max_entries = 2;
    let too_many = FileError::TooMany { path: "few".to_owned(), max_entries: 2 };
    assert_eq!(desk.get("few").await.unwrap_err(), too_many);
    desk.rules.max_entries = 3;
    assert_eq!(desk.unzipped("few").await.len(), 3);

    // As much as fits is what counts, not what was read.
    desk.rules.max_get_bytes = 2000;
    desk.write("soft/a", &"x".repeat(15_000));
    assert_eq!(desk.unzipped("soft").await["soft/a"].len(), 15_000);
    let too_large = FileError::TooLarge { way: Way::Get, max_bytes: 2000 };
    let noise: String =
        (0..4000_u32).map(|n| char::from(b'a' + (n.wrapping_mul(n ^ 0x9e37) >> 7) as u8 % 26)).collect();
    desk.write("hard/a", &noise);
    assert_eq!(desk.get("hard").await.unwrap_err(), too_large);
    // A file of holes would be read for hours.
    std::fs::create_dir(desk.path("holes")).unwrap();
    std::fs::File::create(desk.path("holes/a")).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(desk.get("holes").await.unwrap_err(), too_large);
}

#[tokio::test]
async fn an_archive_does_not_dig_without_end() {
    let desk = Desk::new();
    desk.write(&format!("{}a", "d/".repeat(64)), "a");
    assert_eq!(desk.unzipped("d").await.len(), 1);
    desk.write(&format!("{}a", "d/".repeat(65)), "a");
    assert!(matches!(desk.get("d").await.unwrap_err(), FileError::TooMany { .. }));
}

#[tokio::test]
async fn a_list_shows_files_and_folders_without_links_and_what_is_denied() {
    let desk = Desk::new();
    for path in ["docs/a.md", "docs/deep/b.md", "docs/.env", "docs/key.pem"] {
        desk.write(path, "x");
    }
    desk.link(desk.outside(), "docs/far");
    desk.link("a.md", "docs/near.md");
    desk.link("docs", "also");
    desk.link(desk.outside(), "far");
    assert_eq!(desk.listed("docs", 100).await.unwrap(), ["docs/a.md", "docs/deep/"]);
    assert_eq!(desk.listed("also", 100).await.unwrap(), ["also/a.md", "also/deep/"], "as it was written");
    assert_eq!(desk.listed("far", 100).await.unwrap_err(), FileError::Escapes(Way::Get));
    assert!(desk.listed("docs", 1).await.unwrap().len() <= 1, "not all of a large folder is looked at");
}
