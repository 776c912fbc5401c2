import Datapath

// Key agreement has types of the same names, and the module of these cannot be named beside its type `Datapath`.
typealias KernelDirection = SADirection
typealias KernelAdoptedSA = AdoptedSA
