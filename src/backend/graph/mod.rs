//! Plan → a picture: pods with Kedro's nodes, what waits for what, the volume
//! and who mounts it, the exit handler.
//!
//! One file a notation. Each writes names in its own way, since a node's name
//! may hold anything.

mod dot;
mod mermaid;
mod text;

use std::collections::{HashMap, HashSet};

pub use dot::dot;
pub use mermaid::mermaid;
pub use text::text;

use crate::config::AccessMode;
use crate::plan::{Plan, Step, Volume};
use crate::step::StepCommand;

/// What stands above the picture.
fn title(plan: &Plan) -> String {
    visible(&format!("{}: {}", plan.project, plan.pipeline))
}

/// What a pod does, a line each: its nodes, or the pipeline that it runs.
/// Nothing where the step's name says it all.
fn contents(step: &Step) -> Vec<String> {
    if let StepCommand::OnExit(on_exit) = &step.command {
        let notifications = on_exit.spec.notifications.iter().enumerate();
        return notifications
            .map(|(at, notification)| notification.title(at))
            .chain(on_exit.spec.pipeline.iter().map(|name| format!("pipeline {}", visible(name))))
            .collect();
    }
    match &step.nodes[..] {
        [node] if node.replace('_', "-") == step.name => Vec::new(),
        nodes => nodes.iter().map(|node| visible(node)).collect(),
    }
}

/// `1Gi, ReadWriteOnce, gone with the run`
fn volume_words(volume: &Volume) -> String {
    let modes = volume.access_modes.iter().map(|mode| match mode {
        AccessMode::ReadWriteOnce => "ReadWriteOnce",
        AccessMode::ReadOnlyMany => "ReadOnlyMany",
        AccessMode::ReadWriteMany => "ReadWriteMany",
        AccessMode::ReadWriteOncePod => "ReadWriteOncePod",
    });
    let fate = if volume.keep { "outlives the run" } else { "gone with the run" };
    let words: Vec<String> = [visible(&volume.size.0)]
        .into_iter()
        .chain(volume.storage_class.iter().map(|class| visible(class)))
        .chain(modes.map(str::to_owned))
        .chain([fate.to_owned()])
        .collect();
    words.join(", ")
}

/// The steps by how many others have to be done before them, one after
/// another: those of one level do not wait for each other.
fn levels(plan: &Plan) -> Vec<Vec<&Step>> {
    let mut level_of: HashMap<&str, usize> = HashMap::new();
    let mut levels: Vec<Vec<&Step>> = Vec::new();
    for step in &plan.steps {
        let before = step.needs.iter().filter_map(|need| level_of.get(need.as_str()));
        let level = before.max().map_or(0, |level| level + 1);
        level_of.insert(&step.name, level);
        levels.resize_with(levels.len().max(level + 1), Vec::new);
        levels[level].push(step);
    }
    levels
}

/// The steps that no other waits for.
fn last_steps(plan: &Plan) -> impl Iterator<Item = &Step> {
    let needed: HashSet<&str> =
        plan.steps.iter().flat_map(|step| step.needs.iter().map(String::as_str)).collect();
    plan.steps.iter().filter(move |step| !needed.contains(step.name.as_str()))
}

/// A name of which everything can be seen: line breaks, characters of control
/// and of direction are spelled out.
fn visible(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for character in name.chars() {
        let unseen = character.is_control()
            || matches!(
                character,
                '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                    | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e007f}'
            );
        if unseen {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{dot, mermaid, text, visible};
    use crate::config::{AccessMode, PullPolicy, Quantity};
    use crate::plan::{Plan, Step, Volume};
    use crate::step::{StepCommand, VolumeInit, VolumeInitSpec};

    fn step(name: &str, nodes: &[&str], needs: &[&str]) -> Step {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let spec = VolumeInitSpec {
            from: String::new(),
            to: String::new(),
            paths: Vec::new(),
            owner: None,
        };
        Step {
            name: name.to_owned(),
            command: StepCommand::VolumeInit(VolumeInit { spec }),
            image: String::new(),
            pull_policy: PullPolicy::Always,
            resources: [].into(),
            tolerations: Vec::new(),
            extra_volumes: Vec::new(),
            affinity: None,
            retry: None,
            mount: None,
            env: Vec::new(),
            secret_env: Vec::new(),
            env_from_secret: None,
            user: None,
            needs: owned(needs),
            outputs: Vec::new(),
            nodes: owned(nodes),
        }
    }

    fn plan(pipeline: &str, steps: Vec<Step>) -> Plan {
        Plan {
            project: "Tiny".to_owned(),
            pipeline: pipeline.to_owned(),
            description: None,
            root: String::new(),
            parameters: Vec::new(),
            volume: None,
            steps,
            on_exit: None,
            ttl: 0,
            max_cache_staleness: None,
        }
    }

    #[test]
    fn a_long_name_has_its_line_to_itself_and_columns_stay_columns() {
        let long = "n".repeat(70);
        let all = ["a", "b", "a-name-of-a-step-that-is-quite-long", "another-name-of-a-step"];
        let mut steps: Vec<Step> = all.iter().map(|name| step(name, &[name], &[])).collect();
        steps[1].nodes = vec!["データ".to_owned()];
        steps.push(step("last", &[&long, "x_y"], &all));
        let expected = format!(
            "\
Tiny: p
5 steps on 2 levels
no volume: the steps share no files

      step{blank}  waits for
1 ┬ ○ a
  ├ ○ b
  │     データ
  ├ ○ a-name-of-a-step-that-is-quite-long
  └ ○ another-name-of-a-step
2 ─ ○ last{blank}  a, b, a-name-of-a-step-that-is-quite-long,
        {long}
        x_y {blank}another-name-of-a-step
",
            blank = " ".repeat(60 - 6)
        );
        assert_eq!(text(&plan("p", steps)), expected);
    }

    #[test]
    fn only_who_mounts_the_volume_is_drawn_in_it() {
        let mut steps = vec![step("a", &[], &[]), step("b", &[], &["a"])];
        steps[1].mount = Some("data");
        let volume = Volume {
            storage_class: Some("fast".to_owned()),
            size: Quantity("2Gi".to_owned()),
            access_modes: vec![AccessMode::ReadWriteMany, AccessMode::ReadOnlyMany],
            group: None,
            keep: true,
        };
        let plan = Plan { volume: Some(volume), ..plan("p", steps) };
        let words = "2Gi, fast, ReadWriteMany, ReadOnlyMany, outlives the run";
        let list = text(&plan);
        assert!(list.contains(&format!("● has the volume ({words}), ○ does not\n")), "{list}");
        assert!(list.contains("○ a\n") && list.contains("● b "), "{list}");
        assert!(dot(&plan).contains("    \"b\" [label=\"b\"]\n  }\n  \"a\" [label=\"a\"]\n"));
        let mermaid = mermaid(&plan);
        assert!(
            mermaid.contains(&format!("volume[\"volume {words}\"]\n    step_b[\"b\"]\n  end\n"))
        );
        assert!(mermaid.contains("  end\n  step_a[\"a\"]\n"), "{mermaid}");
    }

    #[test]
    fn a_title_is_no_html() {
        let text = mermaid(&plan("<b> & \"c\"", vec![step("a", &[], &[])]));
        let title = r#"title: "Tiny: \U0000FF1Cb\U0000FF1E \U0000FF06 \U00000022c\U00000022""#;
        assert!(text.starts_with(&format!("---\n{title}\n---\n")), "{text}");
    }

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        assert_eq!(visible("a\nb\u{1b}[1m\u{202e}é\u{feff}"), "a\\nb\\u{1b}[1m\\u{202e}é\\u{feff}");
    }

    /// What Graphviz reads of a label.
    fn read_by_graphviz(label: &str) -> String {
        let mut read = String::new();
        let mut rest = label.chars();
        while let Some(character) = rest.next() {
            match character {
                '\\' => match rest.next() {
                    Some('n') => read.push('\n'),
                    Some(other @ ('\\' | '"')) => read.push(other),
                    other => panic!("an escape of its own: {other:?}"),
                },
                '"' => panic!("the label ends too early"),
                _ => read.push(character),
            }
        }
        assert!(!read.replace("&amp;", "").contains('&'), "an entity");
        read.replace("&amp;", "&")
    }

    /// What Mermaid shows of a label, after making sure that there is nothing in
    /// it that Mermaid would read as anything but letters and numbers.
    fn read_by_mermaid(label: &str) -> String {
        let mut read = String::new();
        for line in label.split("<br/>") {
            if !read.is_empty() {
                read.push('\n');
            }
            let mut rest = line;
            while let Some((before, after)) = rest.split_once('#') {
                let (number, behind) = after.split_once(';').unwrap();
                read.push_str(before);
                read.push(char::from_u32(number.parse().unwrap()).unwrap());
                rest = behind;
            }
            read.push_str(rest);
            let plain = line.replace(['#', ';', ' ', '_', '-', '.', ','], "");
            assert!(plain.chars().all(char::is_alphanumeric), "{line}");
            let characters: Vec<char> =
                [' '].into_iter().chain(line.chars()).chain([' ']).collect();
            for three in characters.windows(3).filter(|three| "_-.".contains(three[1])) {
                let within = three[0].is_alphanumeric() && three[2].is_alphanumeric();
                assert!(within, "Markdown in {line}");
            }
        }
        for mark in ["\\n", "$$", ":fa-", "ﬂ°", "¶ß"] {
            assert!(!read.contains(mark), "{mark} in {read:?}");
        }
        read.replace('\u{2060}', "")
    }

    fn label<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
        text.split_once(start).unwrap().1.split_once(end).unwrap().0
    }

    proptest! {
        #[test]
        fn a_picture_shows_any_name_as_it_is(
            name in "(\\PC|[\"'\\\\#;&<>\\[\\](){}|:$%`*_.ﬂ°¶ßnlfa\n -]){1,20}"
        ) {
            // A node that is called as its step is not shown a second time.
            prop_assume!(name != "a");
            let plan = plan(&name, vec![step("a", &[&name], &[]), step("b", &[], &["a"])]);
            let shown = format!("a\n{}", visible(&name));
            let dot = dot(&plan);
            prop_assert_eq!(dot.lines().count(), 8, "{}", &dot);
            prop_assert_eq!(read_by_graphviz(label(&dot, "\"a\" [label=\"", "\"]\n")), &shown[..]);
            let mermaid = mermaid(&plan);
            prop_assert_eq!(mermaid.lines().count(), 7, "{}", &mermaid);
            prop_assert_eq!(read_by_mermaid(label(&mermaid, "step_a[\"", "\"]\n")), &shown[..]);
            let title = label(&mermaid, "title: \"", "\"\n");
            let plain = title.replace('\\', "");
            prop_assert!(plain.chars().all(|it| it.is_alphanumeric() || " _-.:".contains(it)), "{}", title);
        }
    }
}
