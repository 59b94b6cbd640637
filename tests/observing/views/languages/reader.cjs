// Reads queries with their languages' own parsers: what is wrong with them, and which names they ask for.
//
// stdin:  {"tables": {name: "(column: type, ...)"}, "kql": {id: text}, "promql": {id: text}, "bicep": {id: text}}
// stdout: the same keys, with what was found in each text

const languages = require("node:module").createRequire(process.argv[2] + "/");
const kusto = "@kusto/language-service-next/";

function readKql(texts, tables) {
  if (!Object.keys(texts).length) return {};
  languages(kusto + "bridge.min.js");
  languages(kusto + "Kusto.Language.Bridge.min.js");
  const { Symbols } = Kusto.Language;
  const members = new (System.Collections.Generic.List$1(Symbols.Symbol).ctor)();
  for (const [name, columns] of Object.entries(tables)) {
    members.add(new Symbols.TableSymbol.$ctor7(name, columns, null));
  }
  const database = new Symbols.DatabaseSymbol.$ctor3("insights", null, members, false);
  const globals = Kusto.Language.GlobalState.Default.WithDatabase(database);
  return mapped(texts, (text) => {
    const code = Kusto.Language.KustoCode.ParseAndAnalyze(text, globals);
    const found = { tables: [], columns: [], keys: [], compared: [] };
    found.problems = listed(code.GetDiagnostics()).map(said);
    found.results = code.ResultType?.Columns ? listed(code.ResultType.Columns).map((column) => column.Name) : [];
    visit(code.Syntax, found);
    return found;
  });
}

function visit(node, found) {
  const kind = kindOf(node);
  if (kind === "NameReference") {
    const symbol = node.ReferencedSymbol ? kindOf(node.ReferencedSymbol) : "";
    if (symbol === "TableSymbol") found.tables.push(node.SimpleName);
    if (symbol === "ColumnSymbol") found.columns.push(node.SimpleName);
  }
  if (kind === "ElementExpression" || kind === "PathExpression") {
    const key = kind === "PathExpression" ? node.Selector.SimpleName : literals(node.Selector)[0];
    found.keys.push([textOf(node.Expression), key ?? null]);
  }
  if (kind === "BinaryExpression" || kind === "InExpression") {
    for (const value of literals(node.Right)) found.compared.push([textOf(node.Left), node.Operator.Text, value]);
  }
  for (const child of children(node)) visit(child, found);
}

const kindOf = (node) => Bridge.getTypeName(node).split("[[")[0].split(".").pop();
const textOf = (node) => node.toString().trim();
const said = (diagnostic) => `${diagnostic.Message} (at ${diagnostic.Start})`;
const listed = (list) => Array.from({ length: list.Count }, (_, place) => list.getItem(place));

function children(node) {
  return Array.from({ length: node.ChildCount ?? 0 }, (_, place) => node.GetChild(place)).filter((child) => child);
}

function literals(node) {
  if (kindOf(node) === "LiteralExpression") return typeof node.LiteralValue === "string" ? [node.LiteralValue] : [];
  return ["BracketedExpression", "ExpressionList", "SyntaxList`1", "SeparatedElement`1"].includes(kindOf(node))
    ? children(node).flatMap(literals)
    : [];
}

function readPromql(texts) {
  if (!Object.keys(texts).length) return {};
  const { parser } = languages("@prometheus-io/lezer-promql");
  return mapped(texts, (text) => {
    const found = { problems: [], selectors: [], groupings: [] };
    const cut = (node) => text.slice(node.from, node.to);
    parser.parse(text).iterate({
      enter(node) {
        const here = text.slice(node.from, node.from + 20);
        if (node.type.isError) found.problems.push(`not PromQL at ${node.from}: ${here}`);
        if (node.name === "VectorSelector") {
          const labels = within(node.node, "LabelName").map(cut);
          found.selectors.push([cut(node.node.getChild("Identifier") ?? node.node), labels]);
        }
        if (node.name === "GroupingLabels") found.groupings.push(within(node.node, "LabelName").map(cut));
      },
    });
    return found;
  });
}

function within(node, name) {
  const found = [];
  node.cursor().iterate((each) => {
    if (each.name === name) found.push({ from: each.from, to: each.to });
  });
  return found;
}

async function readBicep(texts) {
  if (!Object.keys(texts).length) return {};
  const { Parser, Language } = languages("web-tree-sitter");
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(languages.resolve("tree-sitter-bicep/tree-sitter-bicep.wasm")));
  return mapped(texts, (text) => toldOf(parser.parse(text).rootNode));
}

function toldOf(root) {
  const last = (node) => valueOf(node.namedChild(node.namedChildCount - 1));
  const declared = (type) => root.descendantsOfType(type).map((node) => [node.namedChild(0).text, last(node)]);
  const wrong = root.descendantsOfType("ERROR").map((node) => `not Bicep: ${node.text.slice(0, 60)}`);
  return {
    problems: root.hasError && !wrong.length ? ["not Bicep"] : wrong,
    parameters: Object.fromEntries(declared("parameter_declaration")),
    variables: Object.fromEntries(declared("variable_declaration")),
    resources: root.descendantsOfType("resource_declaration").map((node) => {
      const [, kind, body] = node.namedChildren;
      const object = body.type === "for_statement" ? body.childForFieldName("body") : body;
      return { kind: valueOf(kind), body: valueOf(object) };
    }),
    names: root.descendantsOfType(["identifier", "interpolation"]).map((node) => node.text),
  };
}

// An object or array as JSON has it, the text of a string; of anything else what is written.
function valueOf(node) {
  if (node.type === "string") return node.text.slice(1, -1);
  if (node.type === "array") return node.namedChildren.map(valueOf);
  if (node.type === "object") {
    return Object.fromEntries(node.namedChildren.map((each) => [each.namedChild(0).text, valueOf(each.namedChild(1))]));
  }
  return node.type === "number" ? Number(node.text) : node.text;
}

const mapped = (texts, read) => Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, read(text)]));

async function main() {
  const asked = JSON.parse(require("node:fs").readFileSync(0, "utf-8"));
  const found = {
    kql: readKql(asked.kql ?? {}, asked.tables ?? {}),
    promql: readPromql(asked.promql ?? {}),
    bicep: await readBicep(asked.bicep ?? {}),
  };
  process.stdout.write(JSON.stringify(found));
}

main();
