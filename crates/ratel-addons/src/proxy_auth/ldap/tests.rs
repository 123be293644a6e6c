use super::*;

#[test]
fn specifications_name_a_directory() {
    let spec = "ldap:localhost:cn=default,dc=example,dc=com:pass:ou=people,dc=example,dc=com";
    let directory = Directory::parse(spec, false).expect("a directory");
    assert_eq!(directory.url, "ldap://localhost");
    assert_eq!(directory.account, "cn=default,dc=example,dc=com");
    assert_eq!(directory.base, "ou=people,dc=example,dc=com");
    assert_eq!(directory.attribute, "cn");
    let spec = "ldaps:directory.test:1636:cn=a:pass:dc=b?search_filter_key=mail";
    let directory = Directory::parse(spec, true).expect("a directory");
    assert_eq!(directory.url, "ldaps://directory.test:1636");
    assert_eq!((&*directory.base, &*directory.attribute), ("dc=b", "mail"));
    let rows = [
        (
            "ldap:localhost:a:b",
            "there are less than five parts (at character 19)",
        ),
        (
            "ldap:h:1:a:b:c:d",
            "there are more than six parts (at character 16)",
        ),
        ("ldap::a:b:c", "the server is missing (at character 6)"),
        (
            "ldap:h:99999:a:b:c",
            "a port is a number below 65536 (at character 8)",
        ),
        (
            "ldap:h:a:b:c?search_filter_key=a)(b",
            "search_filter_key=NAME is known (at character 14)",
        ),
    ];
    for (spec, expected) in rows {
        let error = Directory::parse(spec, false)
            .err()
            .map(|error| error.to_string());
        assert!(
            error.as_ref().is_some_and(|error| error.contains(expected)),
            "{spec}: {error:?}"
        );
    }
}
