// Lighthouse's score for accessibility of every kind of page of the panel, as a phone and as a desktop
// show it. Logs in as a person does. Run by .github/scripts/lighthouse.sh; exits with 1 below 100.
import { snapshot } from "lighthouse";
import puppeteer from "puppeteer-core";

const [base, username, password] = process.argv.slice(2);
const PAGES = [
  "", "/logs", "/logs?q=nothing_has_this", "/logs/patterns", "/logs/searches", "/requests",
  "/requests/sql", "/errors", "/compare", "/metrics", "/alerts", "/system", "/operators", "/moderation", "/users",
  "/nothing",
];
/** Pages with an id in their address: the first link of a page that leads to one. */
const LINKED = [
  ["/logs?q=level:error", /\/events\/[^/]+$/], ["/logs?q=level:error", /\/events\/[^/]+\/context$/],
  ["/requests", /\/requests\/0[^/]+$/], ["/requests/sql", /\/requests\/sql\/[^/]+$/],
  ["/errors", /\/errors\/[^/]+$/], ["/alerts", /\/alerts\/[^/]+$/],
];
const SCREENS = {
  mobile: { mobile: true, width: 412, height: 823, deviceScaleFactor: 1.75 },
  desktop: { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1 },
};

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
});
const page = await browser.newPage();
let worst = 1;

async function score(path) {
  for (const [formFactor, screenEmulation] of Object.entries(SCREENS)) {
    const flags = { onlyCategories: ["accessibility"], formFactor, screenEmulation, logLevel: "error" };
    await page.setViewport({ ...screenEmulation, isMobile: screenEmulation.mobile });
    const { lhr } = await snapshot(page, { flags });
    const score = lhr.categories.accessibility.score ?? 0;
    worst = Math.min(worst, score);
    console.log(`${Math.round(score * 100)} ${formFactor} ${path || "/"}`);
    const failed = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 1);
    for (const audit of failed) {
      console.log(`    ${audit.id}: ${audit.details?.items?.[0]?.node?.snippet ?? audit.title}`);
    }
  }
}

async function open(path) {
  await page.goto(base + path, { waitUntil: "load" });
}

try {
  await open("/login");
  await score("/login");
  await page.type("[name=username]", username);
  await page.type("[name=password]", password);
  await Promise.all([page.waitForNavigation(), page.click("main button")]);
  const paths = [...PAGES];
  for (const [from, kind] of LINKED) {
    await open(from);
    const links = await page.$$eval("main a:not(svg a)", (all) => all.map((link) => link.href.split(/[?#]/)[0]));
    const link = links.find((link) => kind.test(link));
    if (!link) throw new Error(`${from} has no link to a page like ${kind}`);
    paths.push(link.slice(base.length));
  }
  for (const path of paths) {
    await open(path);
    await score(path);
  }
} finally {
  await browser.close();
}
console.log(worst === 1 ? "100 everywhere" : `${Math.round(worst * 100)} somewhere`);
process.exitCode = worst === 1 ? 0 : 1;
