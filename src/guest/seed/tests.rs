//! A seed read back by others: fatfs reads what fatfs wrote, and a second YAML reader the documents.

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

static HOST_KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::from_seed(&[7; 32], "shop"));

fn seed() -> Seed {
    Seed {
        instance_id: "b1946ac9-1".to_owned(),
        hostname: "shop".to_owned(),
        user: "ada".to_owned(),
        authorized_keys: vec!["ssh-ed25519 AAAAC3 ada: it's #1".to_owned()],
        host_key: HOST_KEY.clone(),
        mac: "52:54:00:AB:00:01".to_owned(),
        addressing: Addressing::Dhcp { dns: Vec::new() },
        mounts: Vec::new(),
        additions: None,
    }
}

fn read_back(image: &[u8]) -> Vec<(String, String)> {
    let disk = fatfs::FileSystem::new(Cursor::new(image.to_vec()), fatfs::FsOptions::new());
    let disk = disk.expect("a FAT file system");
    assert_eq!(disk.volume_label(), "CIDATA");
    assert_eq!(disk.read_volume_label_from_root_dir().unwrap().as_deref(), Some("CIDATA"));
    let root = disk.root_dir();
    let mut files: Vec<(String, String)> = root
        .iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let mut text = String::new();
            entry.to_file().read_to_string(&mut text).unwrap();
            (entry.file_name(), text)
        })
        .collect();
    files.sort();
    files
}

fn document(rendered: &Rendered, name: &str) -> Value {
    let (_, text) = rendered.files.iter().find(|(file, _)| *file == name).expect("it is there");
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn with(additions: &str) -> Result<(Value, Vec<String>), SeedError> {
    let rendered = render(&Seed { additions: Some(additions.to_owned()), ..seed() })?;
    Ok((document(&rendered, "user-data"), rendered.warnings))
}

#[test]
fn what_a_guest_is_told() {
    let rendered = render(&seed()).unwrap();
    let shown = rendered.files.iter().map(|(name, text)| format!("== {name}\n{text}"));
    let shown: String = shown.collect();
    // The private key is left out of the picture.
    let private = rendered.files[1].1.split("ed25519_private: ").nth(1).unwrap();
    let private = private.split("\n  ed25519_public").next().unwrap();
    assert!(private.starts_with("\"-----BEGIN OPENSSH PRIVATE KEY-----\\n"), "{private}");
    insta::assert_snapshot!(shown.replace(private, "PRIVATE"), @r##"
    == meta-data
    instance-id: b1946ac9-1
    local-hostname: shop
    == user-data
    #cloud-config
    growpart:
      devices:
      - /
      mode: auto
    manage_etc_hosts: localhost
    resize_rootfs: true
    ssh_deletekeys: true
    ssh_keys:
      ed25519_private: PRIVATE
      ed25519_public: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs shop
    ssh_pwauth: false
    user:
      lock_passwd: true
      name: ada
      ssh_authorized_keys:
      - "ssh-ed25519 AAAAC3 ada: it's #1"
      sudo:
      - ALL=(ALL) NOPASSWD:ALL
    == network-config
    ethernets:
      vagrantp0:
        dhcp4: true
        match:
          macaddress: 52:54:00:ab:00:01
    version: 2
    "##);
}

#[test]
fn it_is_written_whole_with_equal_bytes_and_for_the_user_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seed.img");
    let rendered = write(&path, &seed()).unwrap();
    let (bytes, first) = (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap());
    assert_eq!(first.permissions().mode() & 0o777, 0o600);
    assert_eq!(bytes, image(&rendered).unwrap());
    assert_eq!(bytes.len(), 1 << 20);
    write(&path, &seed()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), first.ino(), "nothing to write");
    let mut wanted: Vec<(String, String)> =
        rendered.files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    wanted.sort();
    assert_eq!(read_back(&bytes), wanted);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn a_large_addition_fits_and_an_absurd_one_is_refused() {
    let large = format!("#cloud-config\nlarge: {}\n", "x".repeat(2 << 20));
    let rendered = render(&Seed { additions: Some(large), ..seed() }).unwrap();
    assert_eq!(read_back(&image(&rendered).unwrap()).len(), 3);
    let absurd = Rendered { files: vec![("a", "x".repeat(17 << 20))], warnings: Vec::new() };
    assert!(matches!(image(&absurd), Err(SeedError::TooLarge { .. })));
}

#[test]
fn addresses_are_asked_for_or_given() {
    let device = |addressing| {
        let rendered = render(&Seed { addressing, ..seed() }).unwrap();
        document(&rendered, "network-config")["ethernets"]["vagrantp0"].clone()
    };
    let mac = json!({ "macaddress": "52:54:00:ab:00:01" });
    assert_eq!(
        device(Addressing::Dhcp { dns: Vec::new() }),
        json!({ "match": mac, "dhcp4": true })
    );
    assert_eq!(
        device(Addressing::Static {
            address: "192.0.2.7/24".parse().unwrap(),
            gateway: Some("192.0.2.1".parse().unwrap()),
            dns: vec!["192.0.2.53".parse().unwrap()],
        }),
        json!({
            "match": mac,
            "dhcp4": false,
            "addresses": ["192.0.2.7/24"],
            "gateway4": "192.0.2.1",
            "nameservers": { "addresses": ["192.0.2.53"] },
        })
    );
    let own = device(Addressing::Dhcp { dns: vec!["192.0.2.53".parse().unwrap()] });
    assert_eq!(own["dhcp4-overrides"], json!({ "use-dns": false }));
}

#[test]
fn an_address_of_digits_alone_is_no_number() {
    // To YAML of version 1.1 it is one, to the base of 60.
    let rendered = render(&Seed { mac: "52:54:00:12:34:56".to_owned(), ..seed() }).unwrap();
    let (_, text) = &rendered.files[2];
    assert!(text.contains("macaddress: \"52:54:00:12:34:56\""), "{text}");
}

#[test]
fn root_is_let_in_and_keeps_its_password() {
    let rendered = render(&Seed { user: "root".to_owned(), ..seed() }).unwrap();
    let config = document(&rendered, "user-data");
    assert_eq!(config["disable_root"], json!(false));
    assert_eq!(config["user"]["lock_passwd"], json!(false));
    assert_eq!(config["user"].get("sudo"), None);
}

#[test]
fn mounts_are_made_at_each_start() {
    let mount = Mount {
        tag: "m0".to_owned(),
        target: "/srv/it's #1".into(),
        filesystem: "9p",
        options: "trans=virtio,ro".to_owned(),
    };
    let rendered = render(&Seed { mounts: vec![mount], ..seed() }).unwrap();
    let config = document(&rendered, "user-data");
    assert_eq!(config["bootcmd"][0][4], json!("/srv/it's #1"), "{config}");
    let fstab = &rendered.files[3];
    assert_eq!(fstab.0, "fstab");
    assert_eq!(fstab.1, "m0 /srv/it's\\040\\0431 9p trans=virtio,ro 0 0\n");
}

#[test]
fn additions_are_joined_to_it() {
    let (config, warnings) = with(
        "#cloud-config\nssh_pwauth: yes\nmanage_etc_hosts: true\npackages: [git]\n\
         growpart: {devices: [/, /srv]}\nwrite_files:\n- {path: /a, permissions: 0644}\n\
         users:\n- default\n- name: ada\n  shell: /bin/zsh\n  ssh_authorized_keys: [more]\n- name: bob\n",
    )
    .unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config["ssh_pwauth"], json!(true));
    assert_eq!(config["packages"], json!(["git"]));
    assert_eq!(config["growpart"], json!({ "mode": "auto", "devices": ["/", "/", "/srv"] }));
    assert_eq!(config["write_files"][0]["permissions"], json!(0o644));
    assert_eq!(config["users"], json!(["default", { "name": "bob" }]));
    assert_eq!(config["user"]["shell"], json!("/bin/zsh"));
    assert_eq!(config["user"]["name"], json!("ada"));
    assert_eq!(config["user"]["ssh_authorized_keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(with("# nothing but a comment\n").unwrap().0, with("").unwrap().0);
    let (_, warnings) = with("network: {version: 2}\ncloud_init_modules: [ssh]\n").unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn what_would_lock_vagrantp_out_is_refused() {
    for (additions, wanted) in [
        ("ssh_keys: {ed25519_private: x}", "ssh_keys.ed25519_private"),
        ("ssh_keys: nothing", "ssh_keys"),
        ("user: bob", "user"),
        ("user: {name: bob}", "user"),
        ("user: {name: ada, inactive: true}", "user.inactive"),
        ("users: [{name: ada, no_create_home: yes}]", "user.no_create_home"),
        ("users: [{name: ada, expiredate: '2020-01-01'}]", "user.expiredate"),
        ("user: {ssh_authorized_keys: x}", "user.ssh_authorized_keys"),
    ] {
        match with(additions) {
            Err(SeedError::LocksOut { key, .. }) => assert_eq!(key, wanted),
            other => panic!("{additions}: {other:?}"),
        }
    }
    for fine in ["ssh_keys: {rsa_private: x}", "user: ada", "user: {inactive: false}"] {
        with(fine).unwrap();
    }
    let root = render(&Seed {
        user: "root".to_owned(),
        additions: Some("disable_root: true".to_owned()),
        ..seed()
    });
    assert!(matches!(root, Err(SeedError::LocksOut { .. })));
    assert!(check_additions("user: bob", "ada").is_err());
    assert!(check_additions("user: bob", "bob").unwrap().is_empty());
}

#[test]
fn what_is_no_cloud_config_is_told_without_quoting_it() {
    for (text, wanted) in [
        ("#!/bin/sh\nhunter2\n", "a script"),
        ("## template: jinja\n#cloud-config\n", "a template"),
        ("Content-Type: multipart/mixed\n", "a MIME message"),
        ("- hunter2\n", "a list"),
        ("hunter2\n", "a single word or number"),
    ] {
        match with(text) {
            Err(SeedError::NotConfig { found }) => assert_eq!(found, wanted),
            other => panic!("{text}: {other:?}"),
        }
    }
    for text in ["a: [\n", "a: 1\na: 2\n", "hunter2: 'x\n", "a:\n\t- hunter2\n"] {
        let error = with(text).expect_err(text);
        assert!(matches!(error, SeedError::NotYaml { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

/// Strings that readers of YAML have taken for something else.
#[test]
fn hostile_words_come_back_as_they_were() {
    let words = [
        "yes",
        "0644",
        "1:30",
        "~",
        "null",
        "1e3",
        ".inf",
        "2001-01-01",
        "- a",
        "a: b",
        "a #b",
        "'",
        "\"",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "",
        " ",
        "\t",
        "a\nb: c",
        "\u{7f}",
        "\u{85}",
        "\u{feff}",
        "\u{2028}",
        "🦀",
        "<<",
        "=",
        "y",
        "${X}",
        "{{ x }}",
        "a\r\nb",
        "--- ",
    ];
    for word in words {
        let seed = Seed { user: word.to_owned(), hostname: word.to_owned(), ..seed() };
        let rendered = render(&seed).unwrap();
        assert_eq!(document(&rendered, "user-data")["user"]["name"], json!(word), "{word:?}");
        assert_eq!(document(&rendered, "meta-data")["local-hostname"], json!(word), "{word:?}");
        let text = &rendered.files[1].1;
        assert!(!text.contains(['\u{7f}', '\u{85}', '\u{feff}', '\u{2028}']), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_text_survives(text in "\\PC*", lines in "[ -~\n]*") {
        let additions = json!({ "write_files": [{ "path": text, "content": lines }] });
        let seed = Seed { additions: Some(additions.to_string()), hostname: text.clone(), ..seed() };
        let rendered = render(&seed).unwrap();
        let config = document(&rendered, "user-data");
        prop_assert_eq!(&config["write_files"][0]["path"], &json!(text));
        prop_assert_eq!(&config["write_files"][0]["content"], &json!(lines));
    }
}
