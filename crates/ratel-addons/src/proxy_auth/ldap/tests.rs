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
        ("ldap:localhost:a:b", LdapSpecError::Form),
        ("ldap::a:b:c", LdapSpecError::Form),
        ("ldap:h:99999:a:b:c", LdapSpecError::Port("99999".into())),
        (
            "ldap:h:a:b:c?search_filter_key=a)(b",
            LdapSpecError::Parameter("search_filter_key=a)(b".into()),
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(
            Directory::parse(spec, false).err(),
            Some(expected),
            "{spec}"
        );
    }
}
