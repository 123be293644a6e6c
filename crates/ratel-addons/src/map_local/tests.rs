use ratel_core::addon::Bodies;

use super::*;
use crate::testing::{flow, lines, list, run};

/// A folder with files in it.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        "index.html",
        "a.js",
        "sub/index.html",
        "a_b.txt",
        "c d.css",
        "sub/e.json",
    ];
    for file in files {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        std::fs::write(&path, file).expect("written");
    }
    folder
}

/// Status and body, or that the request goes on.
async fn got(rules: &[String], path: &str) -> String {
    let addon = MapLocal::default();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    list(&addon, "map_local", &rules).expect("rules");
    let (mut flow, mut bodies) = (flow(path), Bodies::default());
    run(&addon, Hook::Request, &mut flow, &mut bodies).await;
    let body = bodies.response.unwrap_or_default();
    match flow.response {
        Some(response) if response.status == 200 => String::from_utf8_lossy(&body).into_owned(),
        Some(response) => response.status.to_string(),
        None => "goes on".to_owned(),
    }
}

#[tokio::test]
async fn urls_lead_to_files() {
    let site = site();
    let root = site.path().display();
    let below = [format!("|http://a.test|{root}")];
    let grouped = [format!("|a.test/x/(.*)|{root}")];
    let file = [format!("|/always|{root}/a.js")];
    let two = [format!("|/sub|{root}/sub"), format!("|/|{root}")];
    let filtered = [format!("|~m POST|/|{root}")];
    let rows: [(&[String], &str, &str); 22] = [
        (&below, "/", "index.html"),
        (&below, "/a.js?v=1", "a.js"),
        (&below, "/sub", "sub/index.html"),
        (&below, "/sub/", "sub/index.html"),
        (&below, "/sub//e.json", "sub/e.json"),
        (&below, "/a%20b.txt", "a_b.txt"),
        (&below, "/c%20d.css", "c d.css"),
        (&below, "/nothing", "404"),
        (&below, "/../a.js", "goes on"),
        (&below, "/%2e%2e/%2e%2e/etc/passwd", "goes on"),
        (&below, "/..%2f..%2fetc%2fpasswd", "goes on"),
        (&below, "/sub/../../x", "goes on"),
        (&below, "/a.js/../../../etc/passwd", "goes on"),
        (&grouped, "/x/a.js", "a.js"),
        (&grouped, "/x/", "index.html"),
        (&grouped, "/x//etc/passwd", "goes on"),
        (&grouped, "/y/a.js", "goes on"),
        (&file, "/always/whatever", "a.js"),
        (&file, "/other", "goes on"),
        (&two, "/sub/e.json", "sub/e.json"),
        (&two, "/sub/a.js", "404"),
        (&filtered, "/a.js", "goes on"),
    ];
    for (rules, path, expected) in rows {
        assert_eq!(got(rules, path).await, expected, "{rules:?} {path}");
    }
}

#[tokio::test]
async fn the_head_says_what_the_file_is() {
    let site = site();
    let addon = MapLocal::default();
    let rule = format!("|http://a.test/|{}", site.path().display());
    list(&addon, "map_local", &[&rule]).expect("a rule");
    let (mut flow, mut bodies) = (flow("/a.js"), Bodies::default());
    run(&addon, Hook::Request, &mut flow, &mut bodies).await;
    let response = flow.response.expect("a response");
    let expected = format!("Server: {SERVER}\nContent-Type: text/javascript");
    assert_eq!(lines(&response.headers), expected);
}

#[test]
fn a_path_that_is_not_there_is_refused() {
    let error = list(&MapLocal::default(), "map_local", &["|a|/nowhere/at/all"]).unwrap_err();
    assert!(
        error.contains("Invalid file path: /nowhere/at/all"),
        "{error}"
    );
    assert!(error.ends_with("(at character 4)"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_is_told_apart_from_what_is_not_there() {
    let (site, elsewhere) = (site(), site());
    let root = std::fs::canonicalize(site.path()).expect("it is there");
    let link = root.join("link.js");
    std::os::unix::fs::symlink(elsewhere.path().join("a.js"), &link).expect("a link");
    let rule = format!("|http://a.test/|{}", root.display());
    let told = |url: &str| {
        let options = (&Values::default(), FilterOptions::default());
        let rule = Rule::parse(&rule, options.0, options.1, 0).expect("a rule");
        match look(&[rule], url).0 {
            Found::File(path, _) => path.display().to_string(),
            Found::Nothing(candidates, outside) => nothing(&candidates, &outside),
        }
    };
    let absent = told("http://a.test/absent.js");
    assert!(
        absent.starts_with("None of the local file candidates exist: "),
        "{absent}"
    );
    let outside = told("http://a.test/link.js");
    let expected = format!("symbolic links lead out of the folder: {}", link.display());
    assert!(outside.ends_with(&expected), "{outside}");
}
