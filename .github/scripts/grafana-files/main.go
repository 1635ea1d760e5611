// Reads dashboards and alerting files as strictly as Grafana's own Foundation SDK does: a field it does
// not know, one that lacks, or one of another type is a failure. What Grafana asks beyond that, the tests
// in dashboards/tests check. Usage: go run . <top of the repository>
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"go.yaml.in/yaml/v3"
)

type object = map[string]any

// resource is what the SDK generates for each kind of thing.
type resource interface {
	UnmarshalJSONStrict([]byte) error
	Validate() error
}

var complaints int

func complain(what string, err error) {
	// The SDK's list of no errors is not nil.
	if err != nil && err.Error() != "" {
		complaints++
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func check(what string, raw []byte, into resource) {
	complain(what, into.UnmarshalJSONStrict(raw))
	complain(what, into.Validate())
}

// objects are the things that an alerting file lists under a key. Files name an organization where the
// SDK, which speaks to the API, has none.
func objects(folder, file, key string) []object {
	var content map[string]any
	complain(file, yaml.Unmarshal(must(os.ReadFile(filepath.Join(folder, file))), &content))
	list := asObjects(content[key])
	if len(list) == 0 {
		complain(file, fmt.Errorf("no %s", key))
	}
	for _, item := range list {
		delete(item, "orgId")
	}
	return list
}

func asObjects(value any) []object {
	var list []object
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, item.(object))
	}
	return list
}

func checkObject(what any, item object, into resource) {
	check(fmt.Sprint(what), must(json.Marshal(item)), into)
}

// rule gives a rule of a file the names that the API has for the same.
func rule(item, group object) object {
	for inFile, inAPI := range map[string]string{
		"keepFiringFor":                   "keep_firing_for",
		"missing_series_evals_to_resolve": "missingSeriesEvalsToResolve",
	} {
		if value, ok := item[inFile]; ok {
			item[inAPI] = value
			delete(item, inFile)
		}
	}
	// Short for two annotations, which a test compares with them.
	delete(item, "dashboardUid")
	delete(item, "panelId")
	item["orgID"], item["folderUID"], item["ruleGroup"] = 1, group["folder"], group["name"]
	return item
}

func main() {
	plugins.RegisterDefaultPlugins()
	root := os.Args[1]
	dashboards := must(filepath.Glob(filepath.Join(root, "dashboards/*.json")))
	for _, file := range dashboards {
		check(file, must(os.ReadFile(file)), &dashboard.Dashboard{})
	}
	alerts, rules := filepath.Join(root, "alerts/grafana"), 0
	for _, group := range objects(alerts, "rules.yaml", "groups") {
		for _, item := range asObjects(group["rules"]) {
			rules++
			checkObject(item["uid"], rule(item, group), &alerting.Rule{})
		}
	}
	for _, point := range objects(alerts, "contact-points.yaml", "contactPoints") {
		for _, item := range asObjects(point["receivers"]) {
			item["name"] = point["name"]
			checkObject(item["uid"], item, &alerting.ContactPoint{})
		}
	}
	for _, item := range objects(alerts, "policies.yaml", "policies") {
		checkObject("policies", item, &alerting.NotificationPolicy{})
	}
	for _, item := range objects(alerts, "mute-timings.yaml", "muteTimes") {
		for _, interval := range asObjects(item["time_intervals"]) {
			// The SDK has minutes in place of the times of day that files and API have.
			delete(interval, "times")
		}
		checkObject(item["name"], item, &alerting.MuteTiming{})
	}
	for _, item := range objects(alerts, "templates.yaml", "templates") {
		checkObject(item["name"], item, &alerting.NotificationTemplate{})
		_, err := template.New("").Parse(item["template"].(string))
		complain(fmt.Sprint(item["name"]), err)
	}
	if len(dashboards) == 0 || rules == 0 || complaints > 0 {
		fmt.Fprintf(os.Stderr, "%d dashboards, %d rules, %d complaints\n", len(dashboards), rules, complaints)
		os.Exit(1)
	}
}
