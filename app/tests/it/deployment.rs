//! The files that deploy the service, as a YAML parser reads them: what they mount is there, what they run
//! is pinned, what they publish is meant to be, and nothing fills a disk with logs.
//!
//! Whether an engine accepts them is asked of `docker` in CI; no engine is needed here.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::installed::skip;
use crate::notice::root;

const FILES: [&str; 2] = ["compose/compose.yaml", "compose/swarm.yaml"];

/// A file as a YAML parser reads it, anchors and merges resolved.
fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The services of a file, each with what it merges.
fn services(file: &str) -> serde_json::Map<String, Value> {
    let services = yaml(file)["services"].as_object().unwrap().clone();
    assert!(services.len() >= 4, "{file}: {:?}", services.keys());
    services
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The texts of the list under a key; none without it.
fn list<'a>(service: &'a Value, key: &str) -> Vec<&'a str> {
    let items = service[key].as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// The client of Debian 12 puts in values, defaults and errors; another form is refused for the whole stack.
#[test]
fn a_stack_asks_for_settings_in_forms_that_its_oldest_client_knows() {
    let text = read("compose/swarm.yaml").replace("$$", "");
    let forms = regex::Regex::new(r"\$\{([^}]*)\}").unwrap();
    let known = regex::Regex::new(r"^[A-Z_]+(:?[-?].*)?$").unwrap();
    let found: Vec<_> = forms.captures_iter(&text).map(|form| form[1].to_owned()).collect();
    assert!(found.len() > 10, "{found:?}");
    let unknown: Vec<_> = found.iter().filter(|form| !known.is_match(form)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_image_is_pinned_by_digest_or_is_ours() {
    for file in FILES {
        for (name, service) in services(file) {
            let image = service["image"].as_str().unwrap();
            let is_ours = image.starts_with("${MINITWIT_IMAGE:");
            let digest = image.split_once("@sha256:").map_or("", |(_, digest)| digest);
            let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_ours || is_digest, "{file}: {name} runs {image}");
        }
    }
    let dockerfile = read("compose/Dockerfile");
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let is_named = line.starts_with("chef ") || line.starts_with("${");
        assert!(is_named, "an image of the Dockerfile is not given as an argument: {line}");
    }
    let images: Vec<_> = dockerfile.lines().filter(|line| line.contains("_IMAGE=")).collect();
    assert_eq!(images.len(), 2);
    assert!(images.iter().all(|image| image.contains("@sha256:")), "{images:?}");
}

#[test]
fn every_service_is_hardened_and_limited() {
    for file in FILES {
        for (name, service) in services(file) {
            let is_set =
                |pointer: &str| service.pointer(pointer).is_some_and(|value| !value.is_null());
            for pointer in [
                "/logging/options/max-size",
                "/logging/options/max-file",
                "/deploy/resources/limits/memory",
                "/deploy/resources/limits/cpus",
                "/healthcheck",
            ] {
                assert!(is_set(pointer), "{file}: {name} has no {pointer}");
            }
            assert_eq!(service["read_only"], true, "{file}: {name}");
            assert_eq!(list(&service, "cap_drop"), ["ALL"], "{file}: {name}");
            for forbidden in ["privileged", "network_mode"] {
                assert!(service.get(forbidden).is_none(), "{file}: {name} has {forbidden}");
            }
        }
    }
}

/// What `docker stack deploy` makes of a service: `cli/compose/convert/service.go` of Docker 20.10. It drops other
/// keys without a word, so that a read-only nginx is left without the place for its files.
const STACK_KEYS: [&str; 30] = [
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "credential_spec",
    "deploy",
    "dns",
    "dns_search",
    "entrypoint",
    "environment",
    "extra_hosts",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "isolation",
    "labels",
    "logging",
    "networks",
    "ports",
    "read_only",
    "secrets",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tty",
    "ulimits",
    "user",
    "volumes",
];

/// The keys of services that a stack drops.
fn dropped_by_a_stack(file: &str) -> BTreeSet<String> {
    let services = services(file);
    let keys = services.values().flat_map(|service| service.as_object().unwrap().keys());
    keys.filter(|key| !STACK_KEYS.contains(&key.as_str())).cloned().collect()
}

#[test]
fn a_stack_takes_every_setting_of_the_swarm() {
    let swarm = "compose/swarm.yaml";
    assert_eq!(yaml(swarm)["version"], "3.9", "Docker 20.10 takes it for format 1");
    assert_eq!(dropped_by_a_stack(swarm), BTreeSet::new());
    let compose = dropped_by_a_stack("compose/compose.yaml");
    for known in ["tmpfs", "restart", "security_opt", "depends_on"] {
        assert!(compose.contains(known), "{known} was not found: {compose:?}");
    }
}

/// The init process of a container is root; without the capability its signal to stop does not reach a server of
/// another user, the container ends at once, and the server is killed.
#[test]
fn a_server_that_gives_root_up_can_still_be_stopped() {
    let services = services("compose/compose.yaml");
    let postgres = &services["postgres"];
    assert_eq!(postgres["init"], true);
    let capabilities = list(postgres, "cap_add");
    assert!(capabilities.contains(&"SETUID") && capabilities.contains(&"KILL"), "{capabilities:?}");
}

/// 4,000 idle connections by TLS took 67 MB.
#[test]
fn every_connection_of_nginx_fits_into_its_memory() {
    let conf = read("compose/nginx.conf");
    let number = |directive: &str| -> u32 {
        let line = conf.lines().find_map(|line| line.trim().strip_prefix(directive));
        line.unwrap().trim().trim_end_matches(';').parse().unwrap()
    };
    let connections = number("worker_processes") * number("worker_connections");
    for file in FILES {
        let nginx = &services(file)["nginx"];
        let memory = nginx.pointer("/deploy/resources/limits/memory").unwrap().as_str().unwrap();
        let megabytes: u32 = memory.trim_end_matches('M').parse().unwrap();
        assert!(connections / 50 <= megabytes, "{file}: {connections} in {memory}");
    }
}

#[test]
fn only_nginx_is_public() {
    for (name, service) in services("compose/compose.yaml") {
        for port in list(&service, "ports") {
            let is_public = !port.starts_with("127.0.0.1:");
            assert!(!is_public || name == "nginx", "{name} publishes {port}");
        }
    }
    for (name, service) in services("compose/swarm.yaml") {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(name == "nginx" && port["mode"] == "host", "{name} publishes {port}");
        }
    }
}

#[test]
fn every_mounted_file_exists() {
    let mut checked = 0;
    let mut check = |file: &str, path: &str| {
        let path = root().join("compose").join(path);
        checked += 1;
        assert!(path.exists(), "{file} mounts {}, which is missing", path.display());
    };
    let made_by_setup = ["./tls"];
    for file in FILES {
        for service in services(file).values() {
            for mount in list(service, "volumes") {
                let source = mount.split(':').next().unwrap();
                if source.starts_with('.') && !made_by_setup.contains(&source) {
                    check(file, source);
                }
            }
        }
        for configs in [&yaml(file)["configs"], &yaml(file)["secrets"]] {
            let files = configs.as_object().into_iter().flatten();
            let files = files.filter_map(|(_, config)| config["file"].as_str());
            files.filter(|path| !path.contains("secrets/")).for_each(|path| check(file, path));
        }
    }
    assert!(checked > 20, "only {checked} mounts were found");
}

#[test]
fn the_swarm_gets_every_dashboard_and_alert() {
    let swarm = read("compose/swarm.yaml");
    for (folder, ending) in [("alerts/grafana", "yaml"), ("dashboards", "json")] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            // Beside the dashboards is the program that generates them.
            if path.extension().is_none_or(|end| end != ending) {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let file = format!("    file: ../{folder}/{name}\n");
            let (_, target) = swarm
                .split_once(&file)
                .map_or(("", ""), |(before, _)| before.rsplit_once("\n  ").unwrap_or_default());
            assert!(
                target.contains("_${CONFIG_VERSION}\n"),
                "{folder}/{name} has no name of its content"
            );
            assert!(swarm.contains(&format!("/{name}\n")), "{folder}/{name} is mounted nowhere");
        }
    }
}

/// Runs the test of a script.
fn passes(test: &str) {
    let test = root().join(".github/scripts/tests").join(test);
    let output = Command::new(&test).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {report}", test.display());
}

#[test]
fn a_deployment_that_does_not_work_is_taken_back() {
    passes("deploy.sh");
}

#[test]
fn a_lost_postgresql_is_restored() {
    passes("postgres.sh");
}

#[test]
fn a_release_says_what_changed() {
    passes("release-notes.sh");
    passes("release.sh");
}

#[test]
fn one_machine_is_set_up_without_showing_secrets() {
    passes("setup.sh");
}

/// Chroot and mounts need root.
#[test]
fn the_program_runs_in_the_root_file_system_of_the_image() {
    if !rustix::process::geteuid().is_root() {
        return skip("root");
    }
    let script = root().join(".github/scripts/image-test.sh");
    let output = Command::new(script).arg(env!("CARGO_BIN_EXE_minitwit")).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
}

#[test]
fn secrets_are_files_that_setup_makes() {
    let (compose, setup) = (yaml("compose/compose.yaml"), read("compose/setup.sh"));
    let secrets = compose["secrets"].as_object().unwrap();
    assert!(secrets.len() >= 4, "{secrets:?}");
    for (name, secret) in secrets {
        assert_eq!(secret["file"], format!("./secrets/{name}"));
        assert!(setup.contains(&format!("\nsecret {name} ")), "setup.sh does not make {name}");
    }
    for file in FILES {
        for line in read(file).lines().filter(|line| line.contains("PASSWORD")) {
            let is_file = line.contains("_FILE: /run/secrets/");
            assert!(is_file || line.contains("MIN_PASSWORD"), "{file}: {line}");
        }
    }
}

#[test]
fn prometheus_scrapes_the_service_every_quarter_minute() {
    for file in ["compose/prometheus.yml", "compose/prometheus-swarm.yml"] {
        let config = yaml(file);
        for interval in ["scrape_interval", "evaluation_interval"] {
            assert_eq!(config["global"][interval], "15s", "{file}: {interval}");
        }
        let jobs = config["scrape_configs"].as_array().unwrap();
        let job = jobs.iter().find(|job| job["job_name"] == "minitwit").unwrap();
        let alone = list(&job["static_configs"][0], "targets");
        let replicas = list(&job["dns_sd_configs"][0], "names");
        assert!(alone == ["app:5002"] || replicas == ["tasks.app"], "{file}: {job}");
    }
}

#[test]
fn actions_are_pinned_and_workflows_ask_for_little() {
    let workflows = fs::read_dir(root().join(".github/workflows")).unwrap();
    let mut checked = 0;
    for entry in workflows.map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let file = format!(".github/workflows/{name}");
        let (text, workflow) = (read(&file), yaml(&file));
        assert_eq!(workflow["permissions"], json!({}), "{name} takes the default permissions");
        let trigger = &workflow["on"]["pull_request_target"];
        assert!(trigger.is_null(), "{name} runs foreign code with secrets");
        for (job, steps) in workflow["jobs"].as_object().unwrap() {
            let is_called = steps["uses"].is_string();
            assert!(
                is_called || steps["timeout-minutes"].is_u64(),
                "{name}: {job} has no time limit"
            );
            let all = steps["steps"].as_array().into_iter().flatten().chain([steps]);
            for action in all.filter_map(|step| step["uses"].as_str()) {
                let revision = action.split('@').nth(1).unwrap_or("");
                let is_sha =
                    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
                // Which version that is stands in a comment, for people and for Dependabot.
                let is_told = text.contains(&format!("{action} # v"));
                assert!(action.starts_with("./") || is_sha && is_told, "{name}: {action}");
                checked += 1;
            }
        }
    }
    assert!(checked > 5, "only {checked} actions were found");
}

/// The texts of what deploys: workflows, scripts and the files they send.
fn everything_that_deploys() -> Vec<(String, String)> {
    let folders =
        [".github/workflows", ".github/scripts", ".github/hooks", "compose", "compose/terraform"];
    let mut texts = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let is_made_here = entry.file_name().is_some_and(|name| name == ".env");
            if entry.is_file() && !is_made_here {
                texts.push((entry.display().to_string(), fs::read_to_string(&entry).unwrap()));
            }
        }
    }
    assert!(texts.len() > 25, "only {} files", texts.len());
    texts
}

#[test]
fn hosts_are_known_and_nothing_is_open_to_everybody() {
    let forbidden = [
        ("StrictHostKeyChecking=no", "talks to any host"),
        ("StrictHostKeyChecking=accept-new", "talks to any host"),
        ("chmod 777", "lets everybody write"),
        ("chmod -R 777", "lets everybody write"),
        (" root@", "logs in as root"),
        ("set -x", "shows what it expands"),
        ("curl -k", "believes any certificate"),
        ("--insecure", "believes any certificate"),
    ];
    for (file, text) in everything_that_deploys() {
        for (word, what) in forbidden {
            assert!(!text.contains(word), "{file} {what}: {word}");
        }
        let public = |word: &str| {
            let octets = word.split('.').map(str::parse::<u8>).collect::<Result<Vec<_>, _>>();
            octets.is_ok_and(|of| of.len() == 4 && !matches!(of[0], 0 | 10 | 127 | 172 | 198))
        };
        let mut words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        assert!(!words.any(public), "{file} knows the address of a machine");
    }
}

#[test]
fn secrets_reach_a_step_by_its_environment_and_are_not_shown() {
    let texts = everything_that_deploys();
    let workflows = texts.iter().filter(|(file, _)| file.contains("/.github/workflows/"));
    for (file, text) in workflows {
        for line in text.lines().filter(|line| line.contains("${{ secrets.")) {
            let (key, value) = line.trim().split_once(": ").unwrap();
            let is_a_value = value.starts_with("${{ secrets.") && value.ends_with("}}");
            assert!(is_a_value && key != "run" && key != "- run", "{file}: {line}");
        }
    }
}

#[test]
fn nothing_is_deployed_that_was_not_checked_and_nothing_released_that_was_not_deployed() {
    let workflow = read(".github/workflows/deploy.yml");
    let jobs = &yaml(".github/workflows/deploy.yml")["jobs"];
    for (job, before) in [
        ("image", json!("checks")),
        ("deploy", json!("image")),
        ("release", json!(["image", "deploy"])),
    ] {
        assert_eq!(jobs[job]["needs"], before, "{job} does not wait");
    }
    assert_eq!(jobs["checks"]["uses"], "./.github/workflows/ci.yml", "the checks are others");
    // By digest from the build on: a tag can be moved between the checks and the machines.
    assert!(workflow.contains("outputs.image }}@${{ steps.build.outputs.digest }}"));
    assert!(!workflow.contains(":latest"), "a tag that moves is pushed");
    let checks = read(".github/workflows/ci.yml");
    for check in [
        "scripts/coverage.sh",
        "--features minitwit/chaos --test chaos",
        "scripts/simulation.sh",
        "scripts/lint-files.sh",
        "fail-build: true",
        "cargo deny",
    ] {
        assert!(checks.contains(check), "nothing runs {check}");
    }
    let tests = read(".github/scripts/coverage.sh");
    assert!(tests.contains("cargo llvm-cov --workspace --locked --fail-under-lines"), "{tests}");
}

#[test]
fn terraform_opens_the_web_alone_and_keeps_no_state_here() {
    let main = read("compose/terraform/main.tf");
    let open = "source_addresses = local.everywhere";
    assert_eq!(main.matches(open).count(), 1, "a rule more is open to everybody");
    let (rule, _) = main.split_once(open).unwrap();
    let (_, rule) = rule.rsplit_once("inbound_rule\"").unwrap();
    assert!(rule.contains(r#"for_each = ["80", "443"]"#), "{rule}");
    assert_eq!(main.matches("0.0.0.0/0").count(), 1, "a rule names everybody by itself");
    let ignored = read("compose/.gitignore");
    for made in [
        "/terraform/.terraform/",
        "/terraform/*.tfstate*",
        "/terraform/*.tfvars",
        "/secrets/",
        "/tls/",
    ] {
        assert!(ignored.lines().any(|line| line == made), "{made} can get into git");
    }
    assert!(!main.contains("remote-exec"), "a machine is told by hand");
}
