//! Which crate of the workspace may import which.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

/// The walls of the house: a crate, and what it may import besides what lies outside the workspace.
///
/// An edge that is missing here is a decision, not an oversight: codecs know no model, the model no store, the engine
/// no front end, and front ends neither the engine nor each other. ARCHITECTURE.md says why.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ratel-proto", &[]),
    ("ratel-flow", &["ratel-proto"]),
    ("ratel-capture", &["ratel-flow", "ratel-proto"]),
    ("ratel-core", &["ratel-flow", "ratel-proto"]),
    ("ratel-views", &["ratel-flow", "ratel-proto"]),
    ("ratel-proxy", &["ratel-core", "ratel-flow", "ratel-proto"]),
    (
        "ratel-addons",
        &["ratel-core", "ratel-flow", "ratel-proto", "ratel-views"],
    ),
    ("ratel-tui", &["ratel-core", "ratel-flow", "ratel-views"]),
    ("ratel-web", &["ratel-core", "ratel-flow", "ratel-views"]),
    (
        "ratel",
        &[
            "ratel-proto",
            "ratel-flow",
            "ratel-capture",
            "ratel-core",
            "ratel-views",
            "ratel-proxy",
            "ratel-addons",
            "ratel-tui",
            "ratel-web",
        ],
    ),
    (
        "ratel-testkit",
        &["ratel-proto", "ratel-flow", "ratel-core", "ratel-proxy"],
    ),
    (
        "ratel-bench",
        &[
            "ratel-proto",
            "ratel-flow",
            "ratel-core",
            "ratel-proxy",
            "ratel-testkit",
        ],
    ),
    ("xtask", &["ratel-flow", "ratel-core", "ratel"]),
];

/// Crates that ship with nothing; any other may use them in its tests.
const FOR_TESTS: &[&str] = &["ratel-testkit"];

/// Holds the manifests of the workspace against the table.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let wrong = violations(&metadata);
    anyhow::ensure!(
        wrong.is_empty(),
        "{}\nthe table in crates/xtask/src/edges.rs says what may be imported",
        wrong.join("\n")
    );
    Ok(())
}

fn violations(metadata: &Value) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let packages = || metadata["packages"].as_array().into_iter().flatten();
    let members: Vec<&str> = packages()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(may) = allowed.get(name) else {
            wrong.push(format!("{name} is not in the table of crates"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            let in_tests =
                dependency["kind"].as_str() == Some("dev") && FOR_TESTS.contains(&target);
            if members.contains(&target) && !may.contains(&target) && !in_tests {
                wrong.push(format!("{name} must not import {target}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind}))
            .collect();
        json!({"name": name, "dependencies": dependencies})
    }

    #[test]
    fn walls_hold() {
        let packages = [
            package(
                "ratel-proto",
                &[("bytes", None), ("ratel-testkit", Some("dev"))],
            ),
            package("ratel-testkit", &[("ratel-flow", None)]),
            package(
                "ratel-flow",
                &[("ratel-proto", None), ("ratel-core", Some("dev"))],
            ),
            package(
                "ratel-core",
                &[("ratel-testkit", None), ("ratel-flow", Some("build"))],
            ),
            package("surprise", &[]),
        ];
        assert_eq!(
            violations(&json!({ "packages": packages })),
            [
                "ratel-flow must not import ratel-core",
                "ratel-core must not import ratel-testkit",
                "surprise is not in the table of crates",
            ]
        );
    }
}
