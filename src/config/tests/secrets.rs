//! What belongs to the application, or is a secret, is never shown.

use super::{Project, render};

const CANARY: &str = "c4n4ry-hunter2";

/// What is shown of mistakes and doubts, and all that could be shown around them.
fn reports(project: &Project) -> String {
    let loaded = project.load();
    let visible: String = loaded.sources.0.iter().map(|source| source.visible.as_ref()).collect();
    format!("{}{visible}{:?}{:?}", render(&loaded), loaded.errors, loaded.warnings)
}

/// The same with the values as understood.
fn everything(project: &Project) -> String {
    let loaded = project.load();
    reports(project) + &format!("{:?}{:?}", loaded.settings, loaded.config)
}

#[test]
fn no_value_of_the_application_can_be_shown() {
    let lines = [
        "DB={c}",
        "DB='{c}'",
        "DB=\"{c}\"",
        "# {c}",
        "{c}",
        "DB {c}",
        "DB: {c}",
        "DB='x' {c}",
        "DB='{c}",
        "DB=\"a\n{c}\nb",
        "CPUS=none # {c}",
        "MEMORY: {c}",
        "MEMROY={c}",
        "DISK={c}",
        "1DB={c}",
        "X={c}\nMEMORY=$X",
        "X={c}\nCPUS=${X}",
        "X={c}\nPORTS=80:80,$X:1",
        "X={c}\nINFRA_ID=My_${X}",
        "X={c}\nINFRA_TYPE=$X",
        "X={c}\nNETWORK_MODE=$X",
        "X={c}\nMOUNTS=./$X:/work",
        "X={c}\nMOUNTS=$X",
        "X=Upper{c}\nIMAGE=x/$X",
        "X={c}\nIMAGE=./$X",
        "X={c}\nPROVISIONING_PLAYBOOK=$X.yml",
        "X={c}\nSSH_KEY=/$X",
        "X={c}\nBRIDGE=$X",
        "X={c}\nIP_ADDRESS=$X",
        "X={c}\nCOMMAND=$X'",
        "X={c}\nBOX=$X/$X/$X",
    ];
    for line in lines {
        let line = line.replace("{c}", CANARY);
        let env = format!("BEFORE={CANARY}\nCPUS=x\n{line}\nPORTS=bad\nAFTER='{CANARY}'\n");
        let shown = reports(&Project::new(&env));
        assert!(!shown.contains("hunter2"), "{line}\n{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_still_leaves_plain_names_to_the_application() {
    let wide = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16();
        [0xff, 0xfe].into_iter().chain(units.flat_map(u16::to_le_bytes)).collect()
    };
    let large = "#".repeat(1 << 20) + "\n";
    let unreadable: [Vec<u8>; 6] = [
        b"VAGRANTP_INFRA_TYPE=container\nA=\xff\n".to_vec(),
        b"A=\xff\n  export\tVAGRANTP_INFRA_TYPE = container\n".to_vec(),
        b"A=\0\nVAGRANTP_INFRA_TYPE\n".to_vec(),
        b"\xef\xbb\xbfVAGRANTP_INFRA_TYPE: vm\nA=\0\n".to_vec(),
        wide("A=1\r\nVAGRANTP_INFRA_TYPE=container\r\n"),
        [b"VAGRANTP_INFRA_TYPE=container\n", large.as_bytes()].concat(),
    ];
    for bytes in unreadable {
        let shown = String::from_utf8_lossy(&bytes[..40.min(bytes.len())]).into_owned();
        let project = Project::new(&format!("PORTS={CANARY}\nCPUS={CANARY}\n"));
        project.write("vagrantp.env", bytes);
        let loaded = project.load();
        assert_eq!(loaded.errors.len(), 1, "{shown}: {:?}", loaded.errors);
        let reports = reports(&project);
        assert!(!reports.contains("hunter2"), "{shown}\n{reports}");
    }
    let elsewhere: [&[u8]; 4] = [
        b"A=\xff\n# VAGRANTP_INFRA_TYPE=container\n",
        b"A=\xff VAGRANTP_INFRA_TYPE=container\n",
        b"A=\xff\nVAGRANTP_INFRA_TYPES=container\n",
        b"A=\xff\nexportVAGRANTP_INFRA_TYPE=container\n",
    ];
    for bytes in elsewhere {
        let project = Project::new("PORTS=bad\n");
        project.write("vagrantp.env", bytes);
        let errors = project.errors();
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}

#[test]
fn keys_and_variables_are_masked() {
    for line in [
        "SSH_AUTHORIZED_KEYS=ssh-rsa {c} me@host",
        "SSH_AUTHORIZED_KEYS=\"ssh-rsa {c} me\n{c}\"",
        "PROVISIONING_EXTRA_VARS=password={c},",
        "PROVISIONING_EXTRA_VARS=password={c}",
        "PROVISIONING_EXTRA_VARS='{\"password\": \"{c}\"'",
        "PROVISIONING_EXTRA_VARS='{\"password\": \"{c}\"}'",
    ] {
        let line = line.replace("{c}", CANARY);
        let project = Project::new(&format!("INFRA_TYPE=container\n{line}\n"));
        let shown = everything(&project);
        assert!(!shown.contains("hunter2"), "{line}\n{shown}");
        let project = Project::new("INFRA_TYPE=container\n").set(&line);
        assert!(!everything(&project).contains("hunter2"), "--set {line}");
    }
}

#[test]
fn nothing_that_steers_a_terminal_is_shown() {
    for line in
        ["INFRA_ID=a\u{1b}[31mb", "IMAGE='a\u{202e}b'", "MOUNTS=./\u{9b}x:/x", "\u{1b}[2J=1"]
    {
        let shown = render(&Project::new(&format!("INFRA_TYPE=container\n{line}\n")).load());
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{shown:?}");
    }
}
