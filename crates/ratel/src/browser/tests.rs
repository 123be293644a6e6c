use super::*;

fn launcher(path: &Path, home: Option<&Path>) -> Launcher {
    let path = path.display().to_string();
    let way = Way::Proxy {
        host: "127.0.0.1".to_owned(),
        port: 8080,
    };
    let variable = |name: &str| (name == "PATH").then(|| path.clone());
    Launcher::new(
        variable,
        home.map(Path::to_owned),
        move || Some(way.clone()),
        "/no/ca".into(),
    )
}

#[test]
fn browsers_are_found_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let found = |names| launcher(folder.path(), Some(folder.path())).find(&names);
    let program = |name: &str| folder.path().join(name);
    std::fs::write(program("flatpak"), "").unwrap();
    let exports = folder.path().join(".local/share/flatpak/exports/bin");
    std::fs::create_dir_all(&exports).unwrap();
    std::fs::write(exports.join("org.mozilla.firefox"), "").unwrap();
    assert_eq!(
        found(firefox::FIREFOX),
        Some(Found {
            program: program("flatpak"),
            first: vec!["run".to_owned(), "org.mozilla.firefox".to_owned()],
            sandboxed: true,
        })
    );
    std::fs::write(program("chromium"), "").unwrap();
    std::fs::write(program("google-chrome"), "").unwrap();
    let found = |names| found(names).map(|found| found.program);
    assert_eq!(found(chrome::CHROME), Some(program("google-chrome")));
    assert_eq!(found(chrome::CHROMIUM), Some(program("chromium")));
}

#[test]
fn what_cannot_be_started_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut launcher = launcher(folder.path(), None);
    let refused = |launcher: &Launcher, name| launcher.start(name).unwrap_err().to_string();
    assert_eq!(
        refused(&launcher, "lynx"),
        "'lynx' is no browser that can be started; there are chrome, chromium and firefox"
    );
    let text = refused(&launcher, "firefox");
    assert!(
        text.starts_with("firefox is not installed; looked for firefox, "),
        "{text}"
    );
    launcher.way = Box::new(|| None);
    assert_eq!(
        refused(&launcher, "chrome"),
        "no server is started that a browser could use"
    );
}

#[cfg(unix)]
#[test]
fn a_browser_ends_with_the_program_and_takes_its_profile_along() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let browser = folder.path().join("firefox");
    let told = folder.path().join("told");
    let text = format!(
        "#!/bin/sh\necho \"$$ $*\" > {0}.new; mv {0}.new {0}; exec sleep 600\n",
        told.display()
    );
    std::fs::write(&browser, text).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let launcher = launcher(folder.path(), None);
    let said = launcher.start("firefox").unwrap();
    assert_eq!(said, format!("started {}", browser.display()));
    let said = launcher.start("firefox").unwrap();
    assert!(said.starts_with("started another "), "{said}");
    let told = ratel_testkit::wait::until("the browser to be told", || {
        std::fs::read_to_string(&told).ok()
    });
    let words: Vec<&str> = told.split_whitespace().collect();
    let [
        pid,
        "-no-remote",
        "-profile",
        profile,
        "-new-window",
        "about:blank",
    ] = words[..]
    else {
        panic!("{told}");
    };
    let preferences = std::fs::read_to_string(Path::new(profile).join("user.js")).unwrap();
    assert!(preferences.contains("8080"), "{preferences}");
    drop(launcher);
    assert!(!Path::new(profile).exists());
    let pid = pid.parse().ok().and_then(rustix::process::Pid::from_raw);
    assert!(rustix::process::test_kill_process(pid.unwrap()).is_err());
}

#[test]
fn the_way_to_what_listens() {
    let listening = |spec: &str, addr: &str| Listening {
        description: String::new(),
        addrs: vec![addr.parse().unwrap()],
        mode: spec.parse().unwrap(),
    };
    let proxy = |host: &str, port| {
        let host = host.to_owned();
        Some(Way::Proxy { host, port })
    };
    let reverse = listening("reverse:https://x.test", "0.0.0.0:8443");
    let regular = listening("regular", "[::1]:8080");
    assert_eq!(Way::to(&[reverse.clone(), regular]), proxy("[::1]", 8080));
    let any = listening("regular", "[::]:1");
    assert_eq!(Way::to(&[any]), proxy("127.0.0.1", 1));
    let page = Way::Page("https://127.0.0.1:8443/".to_owned());
    assert_eq!(Way::to(&[reverse]), Some(page));
    assert_eq!(Way::to(&[]), None);
}
