use std::fs;
use std::path::Path;

use ratel_views::Schemas;
use tempfile::TempDir;

use crate::{folder, shop};

/// Names and texts.
type Files<'a> = &'a [(&'a str, &'a str)];

fn write(folder: &Path, files: Files<'_>) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What is said about a path in a folder of those files.
fn refusal(files: Files<'_>, path: &str) -> String {
    let folder = TempDir::new().unwrap();
    write(folder.path(), files);
    let error = Schemas::load(&folder.path().join(path)).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.replace(&folder.path().display().to_string(), "~")
}

#[test]
fn a_folder_a_file_and_a_set_give_the_same() {
    let all = shop();
    let one = Schemas::load(&folder().join("shop/v1/shop.proto")).unwrap();
    assert_eq!((all.messages(), all.services()), (one.messages(), 1));
    let set = TempDir::new().unwrap();
    let path = set.path().join("set.binpb");
    let mut compiler = protox::Compiler::new([folder()]).unwrap();
    compiler.open_file("shop/v1/shop.proto").unwrap();
    for imports in [true, false] {
        if imports {
            compiler.include_imports(true);
        }
        fs::write(&path, compiler.encode_file_descriptor_set()).unwrap();
        if imports {
            assert_eq!(Schemas::load(&path).unwrap().services(), 1);
        }
    }
}

#[test]
fn imports_are_found_wherever_their_roots_are() {
    let folder = TempDir::new().unwrap();
    write(
        folder.path(),
        &[
            (
                "api/a/a.proto",
                "syntax = \"proto3\"; package a; import \"b/b.proto\"; import \"c.proto\"; message A { b.B b = 1; c.C c = 2; }",
            ),
            (
                "api/b/b.proto",
                "syntax = \"proto3\"; package b; import \"google/protobuf/empty.proto\"; message B { google.protobuf.Empty e = 1; }",
            ),
            (
                "vendor/deep/c.proto",
                "syntax = \"proto3\"; package c; import \"b/b.proto\"; message C { b.B b = 1; }",
            ),
            (".git/broken.proto", "nonsense"),
            ("README.md", "text"),
        ],
    );
    assert_eq!(Schemas::load(folder.path()).unwrap().messages(), 4);
    write(
        folder.path(),
        &[(
            "api/c.proto",
            "syntax = \"proto3\"; package c; message C { }",
        )],
    );
    assert_eq!(
        Schemas::load(&folder.path().join("api/a/a.proto"))
            .unwrap()
            .messages(),
        4
    );
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    let rows: [(Files<'_>, &str, &str); 9] = [
        (
            &[],
            "none.proto",
            "cannot read ~/none.proto: No such file or directory (os error 2)",
        ),
        (&[("a/x.txt", "")], "a", "there is no .proto file in ~/a"),
        (
            &[(
                "a.proto",
                "syntax = \"proto3\";\n\nmessage A {\n  strin g = 1;\n  oops\n}\n",
            )],
            "a.proto",
            "~/a.proto, line 6: expected '.' or an identifier, but found '}'",
        ),
        (
            &[(
                "a/a.proto",
                "syntax = \"proto3\";\nmessage A {\n  Missing m = 1;\n}\n",
            )],
            "a",
            "~/a/a.proto, line 3: name 'Missing' is not defined",
        ),
        (
            &[(
                "a/a.proto",
                "syntax = \"proto3\";\nimport \"no/where.proto\";\nmessage A {\n  no.Where w = 1;\n}\n",
            )],
            "a",
            "~/a/a.proto, line 2: import 'no/where.proto' not found",
        ),
        (
            &[
                ("a/a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n"),
                ("a/b.proto", "syntax = \"proto3\";\nimport \"a.proto\";\n"),
            ],
            "a",
            "~/a/a.proto: import cycle detected: a.proto -> b.proto -> a.proto",
        ),
        (
            &[("a/b.proto", "\u{0}\n")],
            "a",
            "~/a/b.proto, line 1: invalid token",
        ),
        (&[("set.pb", "syntax = \"proto3\";")], "set.pb", ""),
        (
            &[("set.pb", "")],
            "set.pb",
            "~/set.pb is neither a .proto file nor a descriptor set: it is empty",
        ),
    ];
    for (files, path, expected) in rows {
        let refusal = refusal(files, path);
        if expected.is_empty() {
            assert!(
                refusal.starts_with("~/set.pb is neither a .proto file nor a descriptor set: "),
                "{refusal}"
            );
        } else {
            assert_eq!(refusal, expected);
        }
    }
}

/// What is left out of a folder of those files, and what is not.
fn loaded(files: Files<'_>) -> (Schemas, Vec<String>) {
    let folder = TempDir::new().unwrap();
    write(folder.path(), files);
    let schemas = Schemas::load(folder.path()).unwrap();
    let said = schemas.left_out().iter();
    let said = said.map(|error| {
        error
            .to_string()
            .replace(&folder.path().display().to_string(), "~")
    });
    let said = said.collect();
    (schemas, said)
}

#[test]
fn imports_that_only_bring_options_need_not_be_there() {
    let service = r#"
syntax = "proto3";
package shop;
import "google/api/annotations.proto";
import "base.proto";
import "validate/validate.proto";
option (gogoproto.marshaler_all) = true;
service Shop {
  option (google.api.default_host) = "shop.example";
  rpc Get(GetRequest) returns (base.Item) {
    option (google.api.http) = { get: "/v1/{id}" additional_bindings { get: "/{id}" } };
    option deprecated = true;
  }
}
message GetRequest {
  string id = 1 [(validate.rules).string.min_len = 1, (google.api.field_behavior) = REQUIRED, deprecated = true];
  enum Kind { NONE = 0 [(x.y) = 1]; }
  oneof by { option (validate.required) = true; Kind kind = 2; }
}
"#;
    let base = r#"syntax = "proto3"; package base; message Item { string name = 1; }"#;
    let (schemas, said) = loaded(&[("api/base.proto", base), ("api/shop.proto", service)]);
    assert_eq!((schemas.messages(), schemas.services()), (2, 1));
    assert_eq!(
        said,
        [
            "~/api/shop.proto: import 'google/api/annotations.proto' not found, what it brings is left out",
            "~/api/shop.proto: import 'validate/validate.proto' not found, what it brings is left out",
        ]
    );
}

#[test]
fn what_is_wrong_is_left_out_and_the_rest_is_there() {
    let good = r#"syntax = "proto3"; package good; message Good { }"#;
    let needs = "syntax = \"proto3\";\nimport \"google/rpc/status.proto\";\nmessage Needs { google.rpc.Status s = 1; }";
    let (schemas, said) = loaded(&[
        ("a_wrong.proto", "syntax = \"proto3\";\nmessage {"),
        ("good.proto", good),
        (
            "imports.proto",
            "syntax = \"proto3\"; import \"a_wrong.proto\";",
        ),
        ("needs.proto", needs),
    ]);
    assert_eq!(schemas.messages(), 1);
    let [wrong, needs] = &said[..] else {
        panic!("{said:?}");
    };
    assert!(wrong.starts_with("~/a_wrong.proto, line 2: "), "{wrong}");
    assert_eq!(
        needs,
        "~/needs.proto, line 2: import 'google/rpc/status.proto' not found"
    );
}
