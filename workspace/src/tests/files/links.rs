//! Links: those that stay inside are followed, the others are not, and rules hold for where they lead.

use super::*;

#[tokio::test]
async fn a_link_that_stays_inside_is_followed() {
    let mut desk = Desk::new();
    desk.write("real/deep/a.txt", "a");
    desk.link("real/deep", "near");
    desk.link("../real/./deep/a.txt", "real/up.txt");
    desk.link(desk.path("real"), "whole");
    desk.link("near/a.txt", "twice");
    for path in ["near/a.txt", "real/up.txt", "whole/deep/a.txt", "twice"] {
        assert_eq!(desk.text(path).await, "a", "{path}");
    }
    desk.put("near/b.txt", "b").await.unwrap();
    assert_eq!(desk.read("real/deep/b.txt"), "b");
    desk.force = true;
    desk.put("twice", "new").await.unwrap();
    assert_eq!(desk.read("real/deep/a.txt"), "new");
    assert!(desk.path("twice").is_symlink(), "the file is replaced, not the link to it");
    desk.link("real/new/c.txt", "dangling");
    desk.put("dangling", "c").await.unwrap();
    assert_eq!(desk.read("real/new/c.txt"), "c");
}

#[tokio::test]
async fn a_link_that_leads_out_is_refused_both_ways() {
    let mut desk = Desk::new();
    desk.force = true;
    desk.write("sub/x", "x");
    desk.link(desk.outside(), "far");
    desk.link("../outside", "near");
    desk.link("../../outside/secret", "sub/file");
    desk.link("far", "chain");
    desk.link("/dev/null", "device");
    desk.link(desk.outside().join("new"), "dangling");
    // A name that only begins like the project's.
    std::fs::create_dir(desk.machine.beside("app2")).unwrap();
    desk.link(desk.machine.beside("app2"), "twin");
    for path in
        ["far/secret", "near/secret", "sub/file", "chain/secret", "chain", "device", "dangling", "twin/x"]
    {
        assert_eq!(desk.get(path).await.unwrap_err(), FileError::Escapes(Way::Get), "{path}");
        assert_eq!(desk.put(path, "x").await, Err(FileError::Escapes(Way::Put)), "{path}");
    }
    let outside = std::fs::read_dir(desk.outside()).unwrap().count();
    assert_eq!(outside, 1, "nothing was made out there");
}

#[tokio::test]
async fn rules_hold_for_where_a_link_leads_and_for_its_own_name() {
    let mut desk = Desk::new();
    desk.force = true;
    desk.write(".git/config", "git");
    desk.write("keys/.env", "secret");
    desk.write("plain", "plain");
    desk.link(".git", "harmless");
    desk.link("keys/.env", "notes.txt");
    desk.link("plain", "a.pem");
    desk.link("keys/new.pem", "later");
    for (path, rule) in [
        ("harmless/config", ".git/**"),
        ("harmless", ".git/**"),
        ("notes.txt", ".env"),
        ("a.pem", "*.pem"),
        ("later", "*.pem"),
    ] {
        assert_eq!(denied(desk.get(path).await), rule, "{path}");
        assert_eq!(denied(desk.put(path, "x").await), rule, "{path}");
    }
    assert_eq!((desk.read(".git/config"), desk.read("keys/.env")), ("git".into(), "secret".into()));
}

#[tokio::test]
async fn links_in_a_circle_end() {
    let desk = Desk::new();
    desk.link("b", "a");
    desk.link("a", "b");
    desk.link("loop/x", "loop");
    for path in ["a", "loop", "loop/y"] {
        let failed = desk.get(path).await.unwrap_err();
        assert!(matches!(failed, FileError::Failed { .. }), "{path}: {failed}");
    }
}

#[tokio::test]
async fn a_project_that_is_itself_behind_a_link_works_by_either_name() {
    let mut desk = Desk::new();
    desk.write("real/a.txt", "a");
    let behind = desk.machine.beside("behind");
    symlink(desk.machine.root(), &behind).unwrap();
    desk.link(behind.join("real/a.txt"), "by link");
    desk.link(desk.path("real/a.txt"), "by name");
    desk.machine.project.path = behind;
    assert_eq!((desk.text("by link").await, desk.text("by name").await), ("a".into(), "a".into()));
}
