/** Builds what a TaskManager needs to start one attempt, once every attempt of the job has a place. Pure. */
import type { AllocationId } from '../../shared/ids.ts';
import type { Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import type { InputGateDescriptor, ResultPartitionDescriptor, TaskDeploymentDescriptor, TaskLocation } from '../rpc/gateways.ts';
import { consumersOf, producersOf } from './channel-wiring.ts';

export function deploymentDescriptor(graph: ExecutionGraph, execution: Execution, allocationId: AllocationId): TaskDeploymentDescriptor {
  const { vertex, subtaskIndex } = execution;
  return {
    jobId: graph.jobGraph.jobId,
    attemptId: execution.attemptId,
    attemptNumber: execution.attemptNumber,
    subtaskIndex,
    allocationId,
    vertex,
    restore: execution.restore,
    inputGates: vertex.inputs.map((edge): InputGateDescriptor => {
      const producers = graph.executionsOf(edge.sourceVertexId);
      return {
        edgeId: edge.edgeId,
        inputIndex: edge.inputIndex,
        channels: producersOf(edge.partitioner, subtaskIndex, producers.length, vertex.parallelism).map((index) => {
          const producer = producers[index] as Execution;
          return { producerAttemptId: producer.attemptId, producer: producer.location as TaskLocation, producerSubtask: index };
        }),
      };
    }),
    resultPartitions: vertex.outputs.map((output): ResultPartitionDescriptor => {
      const consumers = graph.executionsOf(output.targetVertexId);
      return {
        edgeId: output.edgeId,
        subpartitions: consumersOf(output.partitioner, subtaskIndex, vertex.parallelism, consumers.length).map((index) => {
          const consumer = consumers[index] as Execution;
          return { consumerAttemptId: consumer.attemptId, consumer: consumer.location as TaskLocation, consumerSubtask: index };
        }),
      };
    }),
  };
}
