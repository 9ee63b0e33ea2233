// Drives the page of the example direct_upload in Chromium, as a person would: choose a file, press, watch, read.
// Arguments: the page's URL, the browser, a folder for screenshots. One line a check; exit 1 when one fails.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const puppeteer = require("puppeteer-core");

const [, , url, browser, screenshots] = process.argv;
const MIB = 1024 * 1024;

// CRC-64/XZ of the file, so that what COS says of the object is compared with something that is not COS.
const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte);
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
  return [Number(crc >> 32n), Number(crc & 0xffffffffn)];
});

function crc64(bytes) {
  let high = 0xffffffff, low = 0xffffffff;
  for (const byte of bytes) {
    const [tableHigh, tableLow] = TABLE[(low ^ byte) & 0xff];
    low = ((low >>> 8) | (high << 24)) ^ tableLow;
    high = (high >>> 8) ^ tableHigh;
  }
  return ((BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)).toString();
}

function file(name, size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  const full = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "direct-upload-")), name);
  fs.writeFileSync(full, bytes);
  return { full, crc64: crc64(bytes), size };
}

async function main() {
  assert.strictEqual(crc64(Buffer.from("123456789")), "11051210869376104954");
  const chromium = await puppeteer.launch({ executablePath: browser, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await chromium.newPage();
  await page.setViewport({ width: 900, height: 620 });
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => console.log(`  browser: ${message.text().replace(/\?\S*/g, "?…")}`));
  await page.goto(url);

  const text = (id) => page.$eval(id, (element) => element.textContent);
  const press = async (way, { full }) => {
    await (await page.$("#file")).uploadFile(full);
    await page.click(`#${way}`);
    const seen = new Set();
    for (;;) {
      seen.add(await page.$eval(`#${way}-progress`, (bar) => bar.value));
      if (!(await page.$eval(`#${way}`, (button) => button.disabled))) break;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    return [...seen].filter((value) => value > 0 && value < 1);
  };
  const shot = (name) => page.screenshot({ path: path.join(screenshots, `${name}.png`) });
  let failed = 0, passed = 0;
  const check = async (name, run) => {
    try {
      await run();
      passed += 1;
      console.log(`${name}: ok`);
    } catch (error) {
      failed += 1;
      console.log(`${name}: FAILED: ${error.message}`);
    }
    await shot(name.replace(/[^a-z0-9]+/gi, "-"));
  };

  await check("nothing chosen", async () => {
    await page.click("#put");
    assert.strictEqual(await text("#put-told"), "Choose a file first.");
  });
  // As fast as a good line at home, so that progress can be seen.
  const line = { upload: 8 * MIB, download: 8 * MIB, latency: 10 };
  const big = file("holiday + 海.jpg", 20 * MIB);
  for (const way of ["put", "form"]) {
    await check(`20 MiB by ${way}`, async () => {
      await page.emulateNetworkConditions(line);
      const seen = await press(way, big);
      await page.emulateNetworkConditions(null);
      const told = await text(`#${way}-told`);
      assert.match(told, /^Stored: ETag ".+", CRC-64 \d+, request id \S+$/);
      assert.ok(told.includes(`CRC-64 ${big.crc64},`), `${told} is not of ${big.crc64}`);
      assert.ok(seen.length >= 3, `progress moved ${seen.length} times`);
    });
  }
  await check("an empty file by form", async () => {
    const empty = file("empty", 0);
    await press("form", empty);
    assert.match(await text("#form-told"), /^Stored: /);
  });
  const huge = file("huge.bin", 26 * MIB);
  await check("over the limit by put", async () => {
    await press("put", huge);
    assert.strictEqual(await text("#put-told"), "at most 25 MiB, please");
  });
  await check("over the limit by form", async () => {
    await press("form", huge);
    assert.match(await text("#form-told"), /^COS answered 40[03] \w+: /);
  });
  assert.deepStrictEqual(faults, []);
  await chromium.close();
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
