use super::*;

#[test]
fn every_default_is_well_formed() {
    for row in defaults::ROWS {
        assert!(!row.help.is_empty() && !row.help.ends_with('.'), "{row:?}");
        file::check(row.command).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        match ratel_core::commands::parse(row.command) {
            Ok(_) | Err(ratel_core::commands::CommandError::Planned { .. }) => {}
            Err(error) => panic!("{row:?}: {error}"),
        }
        for name in row.keys {
            let key = Key::parse(name).unwrap_or_else(|| panic!("{name} is no key"));
            assert_eq!(key.to_string(), *name);
        }
    }
}

#[test]
fn no_key_is_bound_twice_in_a_context() {
    let keymap = Keymap::default();
    for context in Context::ALL {
        let mut seen = std::collections::HashSet::new();
        for binding in keymap
            .bindings()
            .iter()
            .filter(|b| b.contexts.contains(&context))
        {
            assert!(
                seen.insert(binding.key),
                "{} is bound twice in {}",
                binding.key,
                context.name()
            );
        }
    }
}

/// Every default binding that mitmproxy documents, in every context it has it in.
#[test]
fn keys_do_what_they_do_in_mitmproxy() {
    let keymap = Keymap::default();
    let table = include_str!("mitmproxy.txt");
    let mut rows = 0;
    for line in table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut columns = line.splitn(3, '\t');
        let [contexts, key, command] = std::array::from_fn(|_| columns.next().unwrap_or_default());
        let key = Key::parse(key).unwrap_or_else(|| panic!("{key} is no key"));
        for name in contexts.split(',') {
            let context = Context::parse(name).unwrap_or_else(|| panic!("{name} is no context"));
            let bound = keymap.lookup(context, key).map(|binding| &*binding.command);
            assert_eq!(bound, Some(command), "{key} in {name}");
        }
        rows += 1;
    }
    assert!(rows > 70, "{rows} rows");
}

#[test]
fn a_screen_hides_global_keys() {
    let keymap = Keymap::default();
    let command = |context, key| keymap.lookup(context, key).map(|b| b.command.to_string());
    let space = Key::Char(' ');
    assert_eq!(
        command(Context::FlowList, space).as_deref(),
        Some("console.nav.pagedown")
    );
    assert_eq!(
        command(Context::FlowView, space).as_deref(),
        Some("view.focus.next")
    );
    assert_eq!(
        command(Context::Messages, space).as_deref(),
        Some("view.focus.next"),
        "part of a flow"
    );
    assert_eq!(
        command(Context::Message, space).as_deref(),
        Some("console.view.messages.next")
    );
    let lines = keymap.on(Context::FlowView);
    let shown = lines
        .iter()
        .find(|line| line.binding.command == "console.nav.pagedown");
    let keys: Vec<_> = shown.unwrap().keys.iter().map(Key::to_string).collect();
    assert_eq!(keys, ["ctrl f", "page down"]);
}

#[test]
fn keys_are_bound_and_unbound() {
    let mut keymap = Keymap::default();
    keymap.bind(&[Context::FlowList], Key::Char('F'), "view.focus.next", "");
    let of = |keymap: &Keymap, context, c| {
        keymap
            .lookup(context, Key::Char(c))
            .map(|b| b.command.to_string())
    };
    assert_eq!(
        of(&keymap, Context::FlowList, 'F').as_deref(),
        Some("view.focus.next")
    );
    assert_eq!(
        of(&keymap, Context::FlowView, 'F').as_deref(),
        Some("set console_focus_follow toggle"),
        "only there"
    );
    assert!(keymap.unbind(&[Context::FlowList], Key::Char('F')));
    assert!(!keymap.unbind(&[Context::FlowList], Key::Char('F')));
    assert_eq!(of(&keymap, Context::FlowList, 'F'), None);
    assert_eq!(
        keymap.key_of(Context::FlowList, "console.view.help"),
        Some(Key::Char('?'))
    );
}

fn read(text: &str) -> (Keymap, Vec<String>) {
    let mut keymap = Keymap::default();
    let errors = parse(text, &mut keymap)
        .iter()
        .map(KeymapError::to_string)
        .collect();
    (keymap, errors)
}

#[test]
fn a_file_of_mitmproxy_is_read() {
    let (keymap, errors) = read(
        "# mine\n\
         -\n  key: ctrl a\n  cmd: replay.client @marked\n  ctx: [flowlist]\n  help: replay what is marked\n\
         -\n  key: \"1\"\n  cmd: >\n    view.focus.go\n    0\n",
    );
    assert_eq!(errors, Vec::<String>::new());
    let bound = keymap.lookup(Context::FlowList, Key::Ctrl('a')).unwrap();
    assert_eq!(
        (&*bound.command, &*bound.help, bound.own),
        ("replay.client @marked", "replay what is marked", true)
    );
    assert_eq!(keymap.lookup(Context::FlowView, Key::Ctrl('a')), None);
    let bound = keymap.lookup(Context::EventLog, Key::Char('1')).unwrap();
    assert_eq!(bound.command, "view.focus.go 0");
    assert_eq!(read("").1, Vec::<String>::new());
}

#[test]
fn what_is_wrong_has_a_line_and_harms_nothing_else() {
    let (keymap, errors) = read(
        "- {key: ctrl jj, cmd: view.focus.next}\n\
         - {key: a, cmd: view.focus.nxt}\n\
         - {key: b, cmd: view.focus.next, ctx: [flowlists]}\n\
         - {key: c, cmd: ''}\n\
         - {key: '7', cmd: view.focus.next}\n",
    );
    insta::assert_snapshot!(errors.join("\n"), @"
    line 1: 'ctrl jj' is no key
    line 2: Unknown command: view.focus.nxt; did you mean `view.focus.next`?
    line 3: 'flowlists' is none of chooser, commands, commonkey, dataviewer, editor, eventlog, flowlist, flowview, global, grideditor, help, keybindings, message, messages, options, rules, search
    line 4: the command is missing
    ");
    assert!(keymap.lookup(Context::FlowList, Key::Char('7')).is_some());
    let (keymap, errors) = read(
        "- {kye: a, cmd: view.focus.next}\n\
         - {key: b, key: c, cmd: view.focus.next}\n\
         - {key: b}\n\
         - {key: b, cmd: view.focus.next, ctx: flowlist}\n\
         - {key: '7', cmd: view.focus.next}\n\
         - {key: @, cmd: view.focus.next}\n",
    );
    insta::assert_snapshot!(errors.join("\n"), @"
    line 1: a binding has no `kye`; did you mean `key`?
    line 2: `key` stands here for the second time
    line 3: this binding has no `cmd`
    line 4: `ctx` is a list, such as `[flowlist]`
    line 6: `@` cannot begin a value in YAML; put single quotes round the value
    ");
    assert!(keymap.lookup(Context::FlowList, Key::Char('7')).is_some());
    for text in [
        "key: a",
        "- {key: a, command: view.focus.next}",
        "- [",
        "- {key: a}",
    ] {
        let (keymap, errors) = read(text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert_eq!(keymap, Keymap::default());
    }
}

proptest::proptest! {
    #[test]
    fn no_file_does_harm(text in "[-{}\\[\\]a-z:, '\"\n&*!|>#]{0,60}") {
        let _ = read(&text);
    }
}

/// The keys as docs/terminal.md lists them.
fn keys_for_docs() -> String {
    let mut text = String::new();
    // What is seen most comes first.
    let first = [
        Context::FlowList,
        Context::FlowView,
        Context::Messages,
        Context::Message,
        Context::Global,
    ];
    let rest = Context::ALL.into_iter().filter(|context| {
        // What is common stands among what holds everywhere.
        !first.contains(context) && *context != Context::CommonKey
    });
    let screens = first.into_iter().chain(rest);
    for screen in screens {
        let rows = defaults::ROWS
            .iter()
            .filter(|row| row.contexts.contains(&screen));
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            continue;
        }
        text.push_str(&format!(
            "### On the screen: {}\n\n| key | does |\n|---|---|\n",
            screen.title()
        ));
        for row in rows {
            let keys: Vec<_> = row.keys.iter().map(|key| key.replace('|', "\\|")).collect();
            text.push_str(&format!("| `{}` | {} |\n", keys.join("`, `"), row.help));
        }
        text.push('\n');
    }
    text
}

/// With `RATEL_UPDATE_DOCS` set the page is written instead.
#[test]
fn a_key_is_told_of_once() {
    let keymap = Keymap::default();
    for context in [
        Context::Messages,
        Context::Message,
        Context::FlowView,
        Context::Help,
    ] {
        let mut keys: Vec<_> = keymap
            .on(context)
            .into_iter()
            .flat_map(|line| line.keys)
            .collect();
        let count = keys.len();
        keys.sort_by_key(ToString::to_string);
        keys.dedup();
        assert_eq!(keys.len(), count, "{context:?}");
    }
}

#[test]
fn the_documentation_has_the_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/terminal.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("compares -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of keys").unwrap();
    let expected = format!(
        "{before}compares -->\n\n{}<!-- end of keys{after}",
        keys_for_docs()
    );
    if std::env::var_os("RATEL_UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == expected,
        "the keys in docs/terminal.md are not those of the table: RATEL_UPDATE_DOCS=1 cargo nextest run -p ratel-tui keys"
    );
}

/// A `keys.yaml` without contexts is about every screen, as in mitmproxy, which has no keys there but its own.
#[test]
fn a_key_of_ones_own_for_every_screen_beats_what_mitmproxy_does_not_have() {
    let mut keymap = Keymap::default();
    let keys = ["t", "y", "=", "s", "c", "d", "w", "q"];
    let text: String = keys
        .iter()
        .map(|key| format!("- {{key: '{key}', cmd: replay.client @all}}\n"))
        .collect();
    assert_eq!(parse(&text, &mut keymap), []);
    let on = |context, key: &str| {
        let bound = keymap.lookup(context, Key::parse(key).expect("a key"));
        bound.is_some_and(|binding| binding.own)
    };
    for key in keys {
        let is_own = !matches!(key, "d" | "w");
        assert_eq!(on(Context::FlowList, key), is_own, "{key}");
        assert_eq!(on(Context::FlowView, key), is_own, "{key}");
        assert!(on(Context::Global, key), "{key}");
    }
    // Help and hints say what the keys do.
    let lines = keymap.on(Context::FlowList);
    let mut own = lines.iter().filter(|line| line.binding.own);
    assert_eq!(own.next().map(|line| line.keys.len()), Some(6));
    // A binding for one screen is for that screen.
    assert_eq!(
        parse(
            "- {key: t, cmd: replay.client @focus, ctx: [flowlist]}",
            &mut keymap
        ),
        []
    );
    let t = keymap.lookup(Context::FlowList, Key::Char('t'));
    assert_eq!(
        t.map(|binding| &*binding.command),
        Some("replay.client @focus")
    );
}

/// The table of what mitmproxy has says the same as the one of what its keys do.
#[test]
fn keys_of_mitmproxy_are_known() {
    let mut there = Vec::new();
    for line in include_str!("mitmproxy.txt").lines() {
        let mut columns = line.splitn(3, '\t');
        let [contexts, key] = std::array::from_fn(|_| columns.next().unwrap_or_default());
        let contexts = contexts.split(',').filter_map(Context::parse);
        let contexts = contexts.filter(|c| !matches!(c, Context::Global | Context::CommonKey));
        let key = Key::parse(key).filter(|_| !line.starts_with('#'));
        there.extend(
            contexts
                .zip(std::iter::repeat(key))
                .filter_map(|(c, key)| Some((c, key?))),
        );
    }
    for context in Context::ALL {
        for binding in Keymap::default().bindings() {
            let key = binding.key;
            let listed = there.contains(&(context, key));
            assert_eq!(
                defaults::is_mitmproxys(context, key),
                listed,
                "{key} in {context:?}"
            );
        }
    }
}
