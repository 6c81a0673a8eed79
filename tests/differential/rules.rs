//! Which difference is which row of `docs/differences.md`. Each rule is about
//! certain properties of certain steps, and about both values.

use super::{Difference, REFUSED, facts::STEP};

type Rule = (&'static str, fn(&Difference) -> bool);

/// The ids of all rules.
pub fn ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(id, _)| *id)
}

/// The rows that a difference belongs to.
pub fn covering(difference: &Difference) -> Vec<&'static str> {
    RULES.iter().filter(|(_, covers)| covers(difference)).map(|(id, _)| *id).collect()
}

impl Difference {
    fn step(&self) -> &str {
        &self.place.step
    }

    fn field(&self) -> &str {
        &self.place.field
    }

    fn is(&self, field: &str) -> bool {
        self.place.field == field
    }

    /// kedro-kubeflow's value, and Kubedro's; `None` where there is none.
    fn values(&self) -> (Option<&str>, Option<&str>) {
        (self.old.as_deref(), self.new.as_deref())
    }

    /// The artifact that it is about.
    fn artifact(&self) -> Option<&str> {
        self.field().strip_prefix("artifact ")
    }

    fn is_added(&self) -> bool {
        self.old.is_none()
    }

    fn is_dropped(&self) -> bool {
        self.new.is_none()
    }

    /// Whether kedro-kubeflow refused the configuration, with these words.
    fn was_refused_for(&self, words: &[&str]) -> bool {
        let error = self.old.as_deref().unwrap_or_default();
        self.is(REFUSED) && self.is_dropped() && words.iter().all(|word| error.contains(word))
    }
}

const CLAIM: &str = "{{workflow.name}}-default-data-volume";
const CLAIM_SOURCE: &str =
    r#"{"persistentVolumeClaim":{"claimName":"{{workflow.name}}-default-data-volume"}}"#;

const RULES: &[Rule] = &[
    ("one-program", |it| {
        it.is("program") && matches!(it.values(), (Some("bash" | "sh"), Some("kubedro")))
    }),
    ("working-directory", |it| {
        it.is("working directory") && it.values() == (None, Some("/home/kedro"))
    }),
    ("root", |it| {
        const ROOT: &str = "/opt/spaceflights";
        let at_root = |old: &str| old.replace("/home/kedro", ROOT);
        it.variation == "root"
            && match (it.field(), it.values()) {
                ("working directory", (None, Some(ROOT))) => true,
                (STEP, (Some(old), Some(new))) => old.starts_with("fills ") && new == at_root(old),
                ("mount /home/kedro/data" | "mount /home/kedro/datavolume", values) => {
                    values == (Some(CLAIM_SOURCE), None)
                }
                (field, values) => {
                    [format!("mount {ROOT}/data"), format!("mount {ROOT}/datavolume")]
                        .contains(&field.to_owned())
                        && values == (None, Some(CLAIM_SOURCE))
                }
            }
    }),
    ("run-identity", |it| {
        let fields = [
            "option --run-id",
            "option --save-version",
            "setting load_at_save_version",
            "parameter kubedro-run-id",
            "parameter kubedro-run-id description",
            "parameter kubedro-save-version",
            "parameter kubedro-save-version description",
            "pipeline input kubedro-run-id",
            "pipeline input kubedro-run-id optional",
            "pipeline input kubedro-save-version",
            "pipeline input kubedro-save-version optional",
        ];
        it.is_added() && fields.contains(&it.field())
    }),
    ("told-of-the-run", |it| {
        let fields = [
            "option --run-name",
            "option --started",
            "option --duration",
            "setting project",
            "setting run_pipeline",
        ];
        it.step() == "on-exit" && it.is_added() && fields.contains(&it.field())
    }),
    ("display-name", |it| {
        it.is_added() && it.is("annotation pipelines.kubeflow.org/task_display_name")
    }),
    ("text-stays-text", |it| {
        // PyYAML finds a mapping in the text, and reads `"…"` as the text itself.
        (it.is("parameter learning_note") || it.is("pipeline input learning_note"))
            && matches!(it.values(), (Some(old), Some(new))
                if old.starts_with(r#"{"fit \"once\", then compare":"#)
                    && new.starts_with(r#""fit \"once\", then compare: "#))
    }),
    ("numbers-stay-numbers", |it| {
        let fields =
            ["parameter active_modelling_pipeline", "pipeline input active_modelling_pipeline"];
        fields.contains(&it.field())
            && matches!(it.values(), (Some(old), Some(new))
                if new == old.replace(r#""alpha":"1e-05""#, r#""alpha":0.00001"#))
    }),
    ("ttl-of-every-end", |it| {
        (it.is("ttl secondsAfterSuccess") || it.is("ttl secondsAfterFailure")) && it.is_added()
    }),
    ("marks-of-the-sdk", |it| {
        let workflow = [
            "annotation pipelines.kubeflow.org/kfp_sdk_version",
            "annotation pipelines.kubeflow.org/pipeline_compilation_time",
            "label pipelines.kubeflow.org/kfp_sdk_version",
        ];
        let step = [
            "label pipelines.kubeflow.org/kfp_sdk_version",
            "label pipelines.kubeflow.org/pipeline-sdk-type",
        ];
        let fields = if it.step().is_empty() { &workflow[..] } else { &step[..] };
        it.is_dropped() && fields.contains(&it.field())
    }),
    ("mark-of-kubedro", |it| {
        it.is("label app.kubernetes.io/managed-by") && it.values() == (None, Some("kubedro"))
    }),
    ("no-description", |it| {
        let docstring = "Convert from a Kedro pipeline into a kfp container graph.";
        it.is("pipeline description") && it.values() == (Some(docstring), None)
    }),
    ("description-for-argo", |it| {
        it.is("annotation workflows.argoproj.io/description") && it.is_added()
    }),
    ("name-of-the-workflow", |it| {
        it.is("metadata generateName")
            && it.values() == (Some("spaceflights-"), Some("spaceflights-default-"))
    }),
    ("pods-go-with-the-volume", |it| {
        it.is("spec podGC") && it.values() == (None, Some(r#"{"strategy":"OnWorkflowCompletion"}"#))
    }),
    ("volume-has-an-owner", |it| {
        it.step() == "data-volume-create"
            && it.is("resource setOwnerReference")
            && it.values() == (None, Some("true"))
    }),
    ("never-cached", |it| {
        ["data-volume-create", "data-volume-init", "on-exit"].contains(&it.step())
            && match it.field() {
                "label pipelines.kubeflow.org/enable_caching" => {
                    it.values() == (Some("true"), Some("false"))
                }
                "annotation pipelines.kubeflow.org/max_cache_staleness" => {
                    it.values().1 == Some("P0D")
                }
                _ => false,
            }
    }),
    ("volume-deleted-by-a-step", |it| {
        let deletes = format!("deletes {CLAIM}");
        if it.step() == "on-exit" && it.is("after") {
            return it.values() == (Some(""), Some("data-volume-delete"));
        }
        it.is(STEP)
            && !it.variation.starts_with("merged")
            && match (it.step(), it.values()) {
                ("data-volume-delete", values) => values == (None, Some(&deletes)),
                ("on-exit", (Some(old), None)) => old == deletes,
                ("on-exit", (Some(old), Some(new))) => old == format!("{deletes}, {new}"),
                _ => false,
            }
    }),
    ("merged-has-no-volume", |it| {
        it.variation == "merged-volume"
            && it.step() == "on-exit"
            && it.is(STEP)
            && it.values() == (Some(&format!("deletes {CLAIM}")), None)
    }),
    ("merged-keeps-the-volume", |it| {
        it.variation == "merged-volume-kept"
            && match (it.step(), it.field()) {
                ("data-volume-create" | "data-volume-init", STEP) => it.is_added(),
                ("default", "mount /home/kedro/data") => it.values() == (None, Some(CLAIM_SOURCE)),
                ("default", "after") => {
                    it.values() == (Some(""), Some("data-volume-create data-volume-init"))
                }
                _ => false,
            }
    }),
    ("volume-by-its-name", |it| {
        it.step() == "data-volume-create"
            && it.is_dropped()
            && ["manifest", "name", "size"]
                .iter()
                .any(|output| it.is(&format!("output data-volume-create-{output}")))
    }),
    ("variables-of-volume-init", |it| {
        let names =
            ["IAP_CLIENT_ID", "KUBEFLOW_RUN_ID", "KEDRO_CONFIG_BRANCH_NAME", "KEDRO_CONFIG_TTL"];
        it.step() == "data-volume-init"
            && it.is_added()
            && names.iter().any(|name| it.is(&format!("env {name}")))
    }),
    ("owner-of-the-data", |it| match (it.step(), it.field()) {
        ("data-volume-init", "setting owner") => {
            matches!(it.values(), (None, Some("0" | "1000")))
        }
        ("", "spec securityContext") => {
            let group = r#"{"fsGroup":1000,"fsGroupChangePolicy":"OnRootMismatch"}"#;
            it.values() == (None, Some(group))
        }
        _ => false,
    }),
    ("no-tries-are-none", |it| {
        it.variation == "retry-none" && it.is("retry limit") && it.values() == (None, Some("0"))
    }),
    ("artifacts-of-patterns", |it| {
        let modelling = it.step().ends_with("-data") || it.step().ends_with("-model");
        let kind = "_modelling_pipeline-";
        modelling && it.is_added() && it.artifact().is_some_and(|name| name.contains(kind))
    }),
    ("artifacts-below-the-root", |it| {
        it.artifact().is_some()
            && matches!(it.values(), (Some(old), Some(new)) if {
                let below = |path: &str, root: &str| path.strip_prefix(root).map(str::to_owned);
                below(old, "/home/kedro/") == below(new, "/opt/spaceflights/")
            })
    }),
    ("shown-in-kubeflow", |it| {
        let of_the_pages = ["mlpipeline-metrics", "mlpipeline-ui-metadata"];
        it.is_added() && it.artifact().is_some_and(|name| of_the_pages.contains(&name))
    }),
    ("refused-where-data-would-be-lost", |it| {
        it.variation == "without-volume"
            && it.is(REFUSED)
            && it.is_added()
            && it.values().1.is_some_and(|error| error.contains("error[no-volume]"))
    }),
    ("user-of-the-image", |it| {
        it.was_refused_for(&["run_config -> volume -> owner", "none is not an allowed value"])
    }),
    ("plain-lists", |it| {
        it.was_refused_for(&["extra_volumes -> preprocess-shuttles -> 0 -> volume -> cls"])
    }),
    ("patterns-in-the-catalog", |it| {
        it.variation == "merged-artifacts"
            && it.was_refused_for(&["Only letters, numbers", "Got name: {namespace}.regressor"])
    }),
    ("names-of-nodes", |it| {
        it.variation == "names-of-nodes"
            && match it.step() {
                "preprocess-shuttles" => {
                    ["limits cpu", "requests cpu"].contains(&it.field())
                        && it.values() == (Some("500m"), Some("2"))
                }
                "active-modelling-pipeline-train-model" => {
                    ["limits memory", "requests memory"].contains(&it.field())
                        && it.values() == (Some("1024Mi"), Some("3Gi"))
                }
                _ => false,
            }
    }),
    ("names-of-volumes", |it| {
        it.variation == "extra-volumes-bad-name"
            && it.is("names of volumes that Kubernetes refuses")
            && it.values() == (Some("shared_memory"), None)
    }),
    ("volumes-of-volume-init", |it| {
        it.variation == "extra-volumes-everywhere"
            && match it.field() {
                "mount /home/kedro/data" => it.values() == (Some("{}"), Some(CLAIM_SOURCE)),
                "after" => matches!(it.values(), (Some(old), Some(new)) if {
                    let of_the_volume = ["data-volume-create", "data-volume-init"];
                    let mut steps: Vec<&str> = old.split(' ').filter(|it| !it.is_empty()).collect();
                    steps.extend(of_the_volume);
                    steps.sort_unstable();
                    steps.join(" ") == new
                }),
                _ => false,
            }
    }),
    ("spelling-of-the-python-client", |it| {
        let snake_case = match it.variation.as_str() {
            "extra-volumes-snake-case" => ["secret_name", "default_mode"],
            "affinity-snake-case" => ["node_selector_terms", "match_expressions"],
            _ => return false,
        };
        (it.is("mount /etc/certificates") || it.is("affinity"))
            && matches!(it.values(), (Some(old), Some(new))
                if snake_case.iter().all(|key| old.contains(key) && !new.contains(key))
                    && old.replace('_', "").to_lowercase() == new.to_lowercase())
    }),
];
