// Alerts over what Weir sends to Application Insights: one rule each for lag, rejects, latency, drift and silence.

@description('The resource id of the Application Insights component that Weir sends to.')
param componentId string

@description('The resource ids of the action groups that are told.')
param actionGroupIds array

@description('Where the rules are kept: the region of the component.')
param location string = resourceGroup().location

@description('What the names of the rules begin with.')
param prefix string = 'weir'

@description('Events that may wait in a topic, on average over a quarter of an hour.')
@minValue(0)
param lagThreshold int = 10000

@description('Of a hundred events, how many may be refused.')
@minValue(0)
@maxValue(100)
param rejectedPercentThreshold int = 1

@description('Milliseconds in which 99 of 100 events, and 99 of 100 requests, are to be answered.')
@minValue(1)
param latencyThreshold int = 1000

@description('The population stability index that a feature, or the score, may have; a number in quotes.')
param psiThreshold string = '0.25'

@description('How long no event may come in.')
@allowed(['PT5M', 'PT10M', 'PT15M', 'PT30M', 'PT1H', 'PT6H', 'P1D'])
param silence string = 'PT30M'

var once = {
  numberOfEvaluationPeriods: 1
  minFailingPeriodsToAlert: 1
}

var rules = [
  {
    name: 'lag'
    description: 'More events wait in a topic than its workers keep up with.'
    severity: 2
    window: 'PT15M'
    criterion: {
      query: loadTextContent('queries/alerts/lag.kql')
      timeAggregation: 'Maximum'
      metricMeasureColumn: 'lag'
      dimensions: [
        { name: 'topic', operator: 'Include', values: ['*'] }
        { name: 'consumer_group', operator: 'Include', values: ['*'] }
      ]
      operator: 'GreaterThan'
      threshold: lagThreshold
      failingPeriods: once
    }
  }
  {
    name: 'rejects'
    description: 'A larger share of the events is refused than usual.'
    severity: 2
    window: 'PT15M'
    criterion: {
      query: loadTextContent('queries/alerts/rejects.kql')
      timeAggregation: 'Maximum'
      metricMeasureColumn: 'rejected_percent'
      dimensions: [
        { name: 'model', operator: 'Include', values: ['*'] }
      ]
      operator: 'GreaterThan'
      threshold: rejectedPercentThreshold
      failingPeriods: once
    }
  }
  {
    name: 'latency'
    description: 'Events or requests wait longer for their answers than they may.'
    severity: 2
    window: 'PT15M'
    criterion: {
      query: loadTextContent('queries/alerts/latency.kql')
      timeAggregation: 'Maximum'
      metricMeasureColumn: 'p99_ms'
      dimensions: [
        { name: 'place', operator: 'Include', values: ['*'] }
      ]
      operator: 'GreaterThan'
      threshold: latencyThreshold
      failingPeriods: once
    }
  }
  {
    name: 'drift'
    description: 'A feature, or the score, is far from what the model was trained on.'
    severity: 3
    window: 'PT30M'
    criterion: {
      query: loadTextContent('queries/alerts/drift.kql')
      timeAggregation: 'Maximum'
      metricMeasureColumn: 'psi'
      dimensions: [
        { name: 'model', operator: 'Include', values: ['*'] }
        { name: 'column', operator: 'Include', values: ['*'] }
      ]
      operator: 'GreaterThan'
      threshold: json(psiThreshold)
      failingPeriods: once
    }
  }
  {
    name: 'no-events'
    description: 'No event came in.'
    severity: 1
    window: silence
    criterion: {
      query: loadTextContent('queries/alerts/no_events.kql')
      timeAggregation: 'Count'
      operator: 'LessThan'
      threshold: 1
      failingPeriods: once
    }
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for rule in rules: {
  name: '${prefix}-${rule.name}'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: '${prefix}: ${rule.name}'
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [componentId]
    evaluationFrequency: 'PT5M'
    windowSize: rule.window
    criteria: {
      allOf: [rule.criterion]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroupIds
    }
  }
}]
