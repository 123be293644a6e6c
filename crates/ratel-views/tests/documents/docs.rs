use ratel_views::{is_editable, names};

/// The table of `docs/views.md` has every view, and says which can be edited.
#[test]
fn the_table_of_views_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/views.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text
        .lines()
        .skip_while(|line| !line.starts_with("| name |"));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let listed: Vec<(String, bool)> = rows
        .map(|row| {
            let name = row.split('`').nth(1).unwrap();
            (name.to_owned(), row.ends_with("| yes |"))
        })
        .collect();
    let there = names().into_iter().skip(1).map(|name| {
        let editable = is_editable(&name);
        (name, editable)
    });
    assert_eq!(listed, there.collect::<Vec<_>>());
}
