//! The argv of the pods: what the compiler writes is what the pod parses.

use clap::Parser;
use kubedro::notify::{Channel, Method, Notification, RunStatus, SecretKey, Setting};
use kubedro::step::{
    Artifact, End, Export, ExportOutput, ExportSpec, ExportTarget, Form, Identity, LoadVersions,
    LoadVersionsSpec, OnExit, OnExitSpec, Place, Run, RunSpec, RunText, RunValue, StepCommand,
    VolumeInit, VolumeInitSpec,
};
use proptest::prelude::*;

#[derive(Debug, Parser)]
struct Program {
    #[command(subcommand)]
    command: Outer,
}

#[derive(Debug, clap::Subcommand)]
enum Outer {
    Step {
        #[command(subcommand)]
        step: StepCommand,
    },
}

fn parsed(argv: Vec<String>) -> StepCommand {
    let Outer::Step { step } =
        Program::try_parse_from(std::iter::once("kubedro".to_owned()).chain(argv)).unwrap().command;
    step
}

fn no_placeholder(_: &RunValue, _: Form) -> String {
    unreachable!("every value is known")
}

/// Text that shells, Argo, the kubelet, YAML and clap each make something of.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        " ",
        ",",
        "[",
        "]",
        "(",
        ")",
        "'",
        "\"",
        "\\",
        "\n",
        "\t",
        "\r",
        "é",
        "日本",
        "🚀",
        "-",
        "--",
        "=",
        ":",
        "{",
        "}",
        "{{",
        "}}",
        "{{=1+1}}",
        "{{workflow.name}}",
        "$(HOME)",
        "$$",
        "$",
        "%",
        "\u{0}",
        "\u{7f}",
        "\u{2028}",
        "null",
        "a",
        "0",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        "\\PC{0,12}",
        any::<String>(),
    ]
}

/// Text without NUL, which no argv can hold: for values that travel as they are.
fn plain() -> impl Strategy<Value = RunText> {
    hostile().prop_map(|text| RunText::Text(text.replace('\0', "")))
}

fn encoded() -> impl Strategy<Value = RunText> {
    hostile().prop_map(RunText::Text)
}

fn identity() -> impl Strategy<Value = Identity> {
    (plain(), plain(), encoded()).prop_map(|(run_id, save_version, parameters)| Identity {
        run_id,
        save_version,
        parameters,
    })
}

fn end() -> impl Strategy<Value = End> {
    (plain(), plain(), plain(), encoded(), encoded()).prop_map(
        |(run_name, started, duration, status, failures)| End {
            run_name,
            started,
            duration,
            status,
            failures,
        },
    )
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        hostile().prop_map(Setting::Text),
        (hostile(), hostile(), hostile()).prop_map(|(name, secret, key)| Setting::Variable {
            name,
            of: SecretKey { secret, key },
        }),
    ]
}

fn notification() -> impl Strategy<Value = Notification> {
    let headers = prop::collection::vec((hostile(), setting()), 0..3);
    let to = prop_oneof![
        setting().prop_map(|url| Channel::Slack { url }),
        (setting(), headers, prop::option::of(hostile())).prop_map(|(url, headers, body)| {
            let headers = headers.into_iter().collect();
            Channel::Webhook { url, method: Method::Put, headers, body }
        }),
    ];
    let on = prop::collection::vec(
        prop::sample::select(vec![RunStatus::Failed, RunStatus::Error]),
        0..3,
    );
    (to, on, any::<u64>(), any::<u32>()).prop_map(|(to, on, timeout, retries)| Notification {
        to,
        on,
        timeout,
        retries,
    })
}

fn on_exit_spec() -> impl Strategy<Value = OnExitSpec> {
    let notifications = prop::collection::vec(notification(), 0..3);
    let load_at_save_version = prop::collection::vec(hostile(), 0..3);
    (
        (hostile(), hostile(), hostile()),
        prop::option::of(hostile()),
        (load_at_save_version, prop::collection::btree_map(hostile(), hostile(), 0..3)),
        any::<bool>(),
        notifications,
    )
        .prop_map(|(texts, pipeline, versions, required, notifications)| {
            let (env, project, run_pipeline) = texts;
            let (load_at_save_version, load_versions) = versions;
            OnExitSpec {
                env,
                project,
                run_pipeline,
                pipeline,
                load_at_save_version,
                load_versions,
                required,
                notifications,
            }
        })
}

fn artifact() -> impl Strategy<Value = Artifact> {
    let place = prop_oneof![
        hostile().prop_map(Place::Own),
        hostile().prop_map(Place::Linked),
        Just(Place::Reference),
    ];
    (hostile(), hostile(), place).prop_map(|(dataset, name, place)| Artifact {
        dataset,
        name,
        place,
    })
}

fn store() -> impl Strategy<Value = ExportTarget> {
    (hostile(), prop::collection::btree_map(hostile(), hostile(), 0..3))
        .prop_map(|(url, options)| ExportTarget { url, options })
}

fn command() -> impl Strategy<Value = StepCommand> {
    let names = || prop::collection::vec(hostile(), 0..4);
    prop_oneof![
        (hostile(), hostile(), names(), any::<Option<u32>>()).prop_map(
            |(from, to, paths, owner)| {
                let spec = VolumeInitSpec { from, to, paths, owner };
                StepCommand::VolumeInit(VolumeInit { spec })
            }
        ),
        (hostile(), hostile(), names(), identity()).prop_map(
            |(env, pipeline, datasets, identity)| {
                StepCommand::LoadVersions(LoadVersions {
                    spec: LoadVersionsSpec { env, pipeline, datasets },
                    identity,
                })
            }
        ),
        (
            (hostile(), hostile(), names(), names(), names(), names()),
            prop::collection::btree_map(hostile(), hostile(), 0..3),
            identity(),
            prop::option::of(encoded()),
            (
                any::<bool>(),
                any::<bool>(),
                prop::collection::vec(artifact(), 0..3),
                prop::option::of(store()),
            ),
        )
            .prop_map(|(texts, load_versions, identity, found, rest)| {
                let (no_lean, displays, artifacts, export) = rest;
                let (env, pipeline, nodes, tags, namespaces, load_at_save_version) = texts;
                let spec = RunSpec {
                    env,
                    pipeline,
                    nodes,
                    tags,
                    namespaces,
                    load_versions,
                    load_at_save_version,
                    artifacts,
                    displays,
                    export,
                };
                StepCommand::Run(Run { spec, identity, load_versions: found, no_lean })
            }),
        (store(), prop::collection::vec((hostile(), hostile()), 0..3), identity()).prop_map(
            |(ExportTarget { url, options }, outputs, identity)| {
                let outputs = outputs
                    .into_iter()
                    .map(|(dataset, path)| ExportOutput { dataset, path })
                    .collect();
                let spec = ExportSpec { url, options, outputs };
                StepCommand::Export(Export { spec, identity })
            }
        ),
        (on_exit_spec(), identity(), end())
            .prop_map(|(spec, identity, end)| StepCommand::OnExit(OnExit { spec, identity, end })),
    ]
}

proptest! {
    #[test]
    fn parsing_gives_back_what_was_written(command in command()) {
        prop_assert_eq!(parsed(command.to_argv(&no_placeholder)), command);
    }

    #[test]
    fn compile_time_text_holds_nothing_that_is_expanded(command in command()) {
        let spec = command.to_argv(&no_placeholder)[2].clone();
        prop_assert!(!spec.contains("{{"), "{}", spec);
        prop_assert!(!spec.contains('$'), "{}", spec);
    }

    #[test]
    fn a_run_value_arrives_whatever_it_is(text in hostile()) {
        let command = StepCommand::OnExit(OnExit {
            spec: OnExitSpec {
                env: "local".to_owned(),
                project: "Project".to_owned(),
                run_pipeline: "__default__".to_owned(),
                pipeline: Some("notify".to_owned()),
                load_at_save_version: Vec::new(),
                load_versions: [].into(),
                required: false,
                notifications: Vec::new(),
            },
            identity: Identity::of_the_run(),
            end: End::of_the_run(),
        });
        let plain = text.replace('\0', "");
        let value = |value: &RunValue| match value {
            RunValue::RunId
            | RunValue::SaveVersion
            | RunValue::RunName
            | RunValue::Started
            | RunValue::Duration => plain.clone(),
            _ => text.clone(),
        };
        let resolved = command.resolved(&value);
        prop_assert_eq!(parsed(resolved.to_argv(&no_placeholder)), resolved);
    }
}
